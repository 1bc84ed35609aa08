from parloir_agent import agent


def answer(call:
    return None
