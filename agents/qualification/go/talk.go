package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"parloir"
	"parloir/understanding"
)

// Why the conversation goes no further.
var (
	errGone  = errors.New("the caller left")
	errHuman = errors.New("the caller wants a human being")
	errLost  = errors.New("two topics in a row had no answer")
)

// talk is one question until it is answered, or twice asked.
type talk struct {
	call     parloir.Call
	french   bool
	language string
	// settled says that the question of recording has been answered.
	settled    bool
	told       string
	unanswered int
}

func talkOf(call parloir.Call) *talk {
	t := &talk{call: call, french: strings.HasPrefix(call.Language, "fr"), language: "en-GB"}
	if t.french || strings.HasPrefix(call.Language, "en") {
		t.language = call.Language
	}
	return t
}

func (t *talk) both(french, english string) string {
	if t.french {
		return french
	}
	return english
}

// tell says it in one breath with what comes next.
func (t *talk) tell(french, english string) { t.told = t.led(t.both(french, english)) }

// led is what was to be told, and the text.
func (t *talk) led(text string) string {
	if t.told != "" {
		text = t.told + " " + text
	}
	t.told = ""
	return text
}

func (t *talk) say(french, english string, changes ...parloir.Option) error {
	_, err := parloir.Say(t.led(t.both(french, english)), append(changes, parloir.In(t.language))...)
	return err
}

// reader makes an answer of the words, or of the keys; false for nothing that answers.
type reader[T any] func(text string, keys bool) (T, bool)

// ask asks, and once more in short; answered is false where neither is answered.
func ask[T any](t *talk, question, brief string, read reader[T], changes ...parloir.Option) (answer T, answered bool, err error) {
	changes = append(changes, parloir.Patience(7*time.Second), parloir.In(t.language))
	for _, text := range []string{t.led(question), brief} {
		reply, err := parloir.Ask(text, changes...)
		if err != nil {
			return answer, false, err
		}
		var said string
		keys := false
		switch turn := reply.Turn.(type) {
		case parloir.HungUp:
			return answer, false, errGone
		case parloir.Silence:
			continue
		case parloir.Digits:
			said, keys = string(turn), true
		case parloir.Speech:
			if understanding.IsNoise(turn.Text) {
				continue
			}
			if slices.Contains(understanding.Intents(turn.Text, t.language), understanding.Human) {
				return answer, false, errHuman
			}
			said = turn.Text
		}
		if answer, ok := read(said, keys); ok {
			t.unanswered = 0
			return answer, true, nil
		}
	}
	t.unanswered++
	if t.unanswered == 2 {
		return answer, false, errLost
	}
	return answer, false, nil
}

// confirm is a question of yes or no, by word or by key.
func (t *talk) confirm(question, brief string) (yes, answered bool, err error) {
	read := func(text string, keys bool) (bool, bool) {
		if keys {
			return text == "1", text == "1" || text == "2"
		}
		return understanding.YesNo(text, t.language)
	}
	return ask(t, question, brief, read, parloir.Expecting(parloir.YesNo), parloir.MaxDigits(1))
}
