// Package ask is one question until it is answered: asking again in other words, a caller who wants a
// human, says goodbye or is gone, "pardon?" and "one moment" are looked after.
//
//	wanted, end, err := ask.Until("Would you like a visit?").Again("A visit: yes or no?").YesNo()
//	if err != nil {
//		return parloir.Failed, err
//	}
//	switch end {
//	case ask.Answer:
//		...
//	case ask.Human:
//		...
//
// guest-sdk/README.md has the steps, which every language takes alike.
package ask

import (
	"slices"
	"strings"
	"time"

	"parloir"
	"parloir/understanding"
)

// End is how a question ended.
type End uint8

const (
	// Answer: the caller answered. Only then is the value one.
	Answer End = iota
	// Human: the caller wants a human being.
	Human
	// Goodbye: the caller says goodbye.
	Goodbye
	// Silent: nothing was ever said.
	Silent
	// Misunderstood: what was said was not understood.
	Misunderstood
	// HungUp: the caller is gone.
	HungUp
)

// Said is what was said, or the keys pressed.
type Said struct {
	Text     string
	Keys     bool
	Language string
}

// Question is what Until makes.
type Question struct {
	question string
	again    []string
	tries    int
	language string
	bargeIn  parloir.BargeIn
	patience time.Duration
}

// Until is a question to be asked until it is answered, or three times.
func Until(question string) Question { return Question{question: question, tries: 3} }

// Again is other words, in order; the last serves from then on. The question after an apology without it.
func (q Question) Again(words ...string) Question {
	q.again = words
	return q
}

// Tries is the failures that end it, 1 to 10.
func (q Question) Tries(count int) Question {
	q.tries = min(max(count, 1), 10)
	return q
}

// In says which language is spoken, listened for and understood, BCP 47; the call's without it.
func (q Question) In(language string) Question {
	q.language = language
	return q
}

// StoppedBy says what stops the voice; speech without it.
func (q Question) StoppedBy(by parloir.BargeIn) Question {
	q.bargeIn = by
	return q
}

// Patience says how long the caller may stay silent; 6 s without it, or 10 s for what is dictated.
func (q Question) Patience(patience time.Duration) Question {
	q.patience = patience
	return q
}

// kind is what kind of answer is asked for.
type kind[T any] struct {
	read      func(Said) (T, bool)
	expecting parloir.Expected
	maxDigits int
	finishOn  rune
	patience  time.Duration
	// zero: key 0 is part of the answer, and no wish for a human.
	zero bool
	// answerFirst: words that are an answer are one before they are a wish for a human.
	answerFirst bool
	// open: any words are an answer, so that "pardon?" must be looked for first.
	open bool
}

const (
	usual = 6 * time.Second
	// For what is dictated.
	long = 10 * time.Second
	// After "one moment".
	waiting        = 20 * time.Second
	mostInterludes = 2
)

// YesNo is yes or no, or key 1 or 2.
func (q Question) YesNo() (bool, End, error) {
	return until(q, kind[bool]{
		read: func(said Said) (bool, bool) {
			if said.Keys {
				return said.Text == "1", said.Text == "1" || said.Text == "2"
			}
			return understanding.YesNo(said.Text, said.Language)
		},
		expecting: parloir.YesNo, maxDigits: 1, patience: usual,
	})
}

// Choose is one of the options, given as they are spoken: Offer, Any or Neither.
func (q Question) Choose(options []string) (understanding.Choice, End, error) {
	digits := 1
	if len(options) > 9 {
		digits = 2
	}
	return until(q, kind[understanding.Choice]{
		read: func(said Said) (understanding.Choice, bool) {
			return taken(understanding.Choose(said.Text, said.Language, options))
		},
		maxDigits: digits, patience: usual, answerFirst: true,
	})
}

// ChooseMoment is one of the moments on offer: Offer, Any, Neither or Rather.
func (q Question) ChooseMoment(offers []parloir.Time) (understanding.Choice, End, error) {
	now := parloir.Now()
	return until(q, kind[understanding.Choice]{
		read: func(said Said) (understanding.Choice, bool) {
			return taken(understanding.ChooseMoment(said.Text, said.Language, offers, now))
		},
		expecting: parloir.Date, maxDigits: 1, patience: usual,
	})
}

// When is a day or a time.
func (q Question) When() (understanding.Wish, End, error) {
	now := parloir.Now()
	return until(q, kind[understanding.Wish]{
		read: func(said Said) (wish understanding.Wish, ok bool) {
			if said.Keys {
				return wish, false
			}
			return understanding.When(said.Text, said.Language, now)
		},
		expecting: parloir.Date, maxDigits: 1, patience: usual,
	})
}

// Phone is a telephone number, E.164.
func (q Question) Phone() (string, End, error) {
	home := parloir.Current().Line
	return until(q, kind[string]{
		read: func(said Said) (string, bool) {
			return understanding.Phone(said.Text, said.Language, home)
		},
		expecting: parloir.Keys, finishOn: '#', patience: long, zero: true,
	})
}

// Digits is from least to most digits, said or keyed.
func (q Question) Digits(least, most int) (string, End, error) {
	return until(q, kind[string]{
		read: func(said Said) (string, bool) {
			digits := strings.ReplaceAll(understanding.Digits(said.Text, said.Language), "+", "")
			return digits, least <= len(digits) && len(digits) <= most
		},
		expecting: parloir.Keys, maxDigits: most, finishOn: '#', patience: long, zero: true,
	})
}

// Number is a whole number.
func (q Question) Number() (int, End, error) {
	return until(q, kind[int]{
		read:     func(said Said) (int, bool) { return understanding.Number(said.Text, said.Language) },
		finishOn: '#', patience: long, zero: true,
	})
}

// Amount is a sum.
func (q Question) Amount() (understanding.Quantity, End, error) {
	return until(q, kind[understanding.Quantity]{
		read: func(said Said) (understanding.Quantity, bool) {
			return understanding.Amount(said.Text, said.Language)
		},
		finishOn: '#', patience: long, zero: true,
	})
}

// Name is the caller's.
func (q Question) Name() (string, End, error) {
	return until(q, kind[string]{
		read: func(said Said) (string, bool) {
			if said.Keys {
				return "", false
			}
			name, _, ok := understanding.Name(said.Text, said.Language)
			return name, ok
		},
		expecting: parloir.Name, maxDigits: 1, patience: long, open: true,
	})
}

// Read is what a function of your own makes of it; false is no answer.
func Read[T any](q Question, read func(Said) (T, bool)) (T, End, error) {
	return until(q, kind[T]{read: read, maxDigits: 1, patience: usual})
}

// A yes to nothing in particular is no answer.
func taken(choice understanding.Choice) (understanding.Choice, bool) {
	return choice, choice.Kind != understanding.Yes && choice.Kind != understanding.Unclear
}

func until[T any](q Question, k kind[T]) (none T, end End, err error) {
	language := q.language
	if language == "" {
		language = parloir.Current().Language
	}
	french := strings.HasPrefix(language, "fr")
	normally := k.patience
	if q.patience != 0 {
		normally = q.patience
	}
	words, asked, patience := q.question, q.question, normally
	failures, interludes, anythingSaid := 0, 0, false
	for {
		options := []parloir.Option{
			parloir.Expecting(k.expecting), parloir.Patience(patience), parloir.MaxDigits(k.maxDigits),
			parloir.StoppedBy(q.bargeIn), parloir.In(language),
		}
		if k.finishOn != 0 {
			options = append(options, parloir.FinishOn(k.finishOn))
		}
		reply, err := parloir.Ask(words, options...)
		if err != nil {
			return none, Misunderstood, err
		}
		patience = normally
		said, spoken := Said{Language: language}, false
		switch turn := reply.Turn.(type) {
		case parloir.HungUp:
			return none, HungUp, nil
		case parloir.Digits:
			said.Text, said.Keys, spoken = string(turn), true, true
		case parloir.Speech:
			said.Text, spoken = turn.Text, !understanding.IsNoise(turn.Text)
		}
		if spoken {
			if said.Keys && said.Text == "0" && !k.zero {
				return none, Human, nil
			}
			var intents []understanding.Intent
			if !said.Keys {
				intents = understanding.Intents(said.Text, language)
			}
			human := slices.Contains(intents, understanding.Human) || slices.Contains(intents, understanding.Emergency)
			if human && !k.answerFirst {
				return none, Human, nil
			}
			interlude := slices.IndexFunc(intents, func(intent understanding.Intent) bool {
				return intent == understanding.Repeat || intent == understanding.Wait
			})
			if !k.open || interlude < 0 {
				if answer, ok := k.read(said); ok {
					return answer, Answer, nil
				}
			}
			if human {
				return none, Human, nil
			}
			if slices.Contains(intents, understanding.Goodbye) {
				return none, Goodbye, nil
			}
			if interlude >= 0 && interludes < mostInterludes {
				interludes++
				if intents[interlude] == understanding.Repeat {
					words = asked
				} else {
					words, patience = "Take your time.", waiting
					if french {
						words = "Prenez votre temps."
					}
				}
				continue
			}
			anythingSaid = true
		}
		failures++
		if failures >= q.tries {
			if anythingSaid {
				return none, Misunderstood, nil
			}
			return none, Silent, nil
		}
		if len(q.again) > 0 {
			words = q.again[min(failures, len(q.again))-1]
		} else {
			words = sorry(spoken, french) + " " + q.question
		}
		asked = words
	}
}

func sorry(spoken, french bool) string {
	switch {
	case spoken && french:
		return "Pardon, je n'ai pas bien compris."
	case spoken:
		return "Sorry, I did not catch that."
	case french:
		return "Vous êtes toujours là ?"
	default:
		return "Are you still there?"
	}
}
