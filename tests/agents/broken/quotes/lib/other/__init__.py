"""What somebody else wrote, and the agent never calls."""

from parloir_agent import model

model.chat([])
