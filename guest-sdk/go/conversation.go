package parloir

import (
	"math"
	"time"

	host "parloir/internal/contract/imports/parloir_agent_call"
	witTypes "parloir/internal/types"
)

// BargeIn is what stops the agent's voice.
type BargeIn uint8

const (
	// BySpeech: speech of some substance, or a key.
	BySpeech BargeIn = iota
	// ByKeys: a key only.
	ByKeys
	// Never: for a sentence the law wants heard whole.
	Never
)

// Expected is what kind of answer is due. It steers the end of the caller's turn.
type Expected uint8

// The kinds of answer.
const (
	Anything Expected = iota
	YesNo
	Keys // the digits of a dictated number, or keys
	Name
	Date
	Address
)

// Option changes how something is said or listened to.
type Option func(*options)

type options struct {
	say    host.SayOptions
	listen host.ListenOptions
}

// StoppedBy says what stops the voice; speech without it.
func StoppedBy(by BargeIn) Option {
	return func(o *options) { o.say.BargeIn = uint8(by) }
}

// In says which language to speak and to listen for, BCP 47; the line's first without it.
func In(language string) Option {
	return func(o *options) {
		o.say.Language = witTypes.Some(language)
		o.listen.Language = witTypes.Some(language)
	}
}

// Expecting says what kind of answer is due; anything without it.
func Expecting(what Expected) Option {
	return func(o *options) { o.listen.Expecting = uint8(what) }
}

// Patience says how long the caller may stay silent, from 500 ms to 60 s; 6 s without it.
func Patience(patience time.Duration) Option {
	return func(o *options) {
		o.listen.Patience = uint32(min(max(patience.Milliseconds(), 0), math.MaxUint32))
	}
}

// MaxDigits says how many keys end a turn of keys; no limit short of 32 without it.
func MaxDigits(count int) Option {
	return func(o *options) { o.listen.MaxDigits = uint8(min(max(count, 0), math.MaxUint8)) }
}

// FinishOn says which key ends a turn of keys, and is not part of it; none without it.
func FinishOn(key rune) Option {
	return func(o *options) { o.listen.FinishOn = witTypes.Some(key) }
}

func with(changes []Option) options {
	o := options{listen: host.ListenOptions{Patience: 6_000}}
	for _, change := range changes {
		change(&o)
	}
	return o
}

// Heard is what reached the caller's ear.
type Heard struct {
	// Text is the words that had been played, cut at the last whole word.
	Text string
	// Whole says whether everything was played.
	Whole bool
	// Played is for how long.
	Played time.Duration
}

// HeardFrom is for the packages of this module.
func HeardFrom(heard host.Heard) Heard {
	return Heard{heard.Text, heard.Whole, time.Duration(heard.Played) * time.Millisecond}
}

// SayOptionsFrom is for the packages of this module.
func SayOptionsFrom(changes []Option) host.SayOptions { return with(changes).say }

// Turn is the caller's: Speech, Digits, Silence or HungUp.
type Turn interface{ turn() }

// Speech is one utterance.
type Speech struct {
	Text string
	// Confidence is from 0 (guess) to 1 (certain).
	Confidence float32
	Language   string
	// OverAgent says that the caller began while the agent was still speaking.
	OverAgent bool
}

// Digits are keys pressed: 0 to 9, * and #.
type Digits string

// Silence: nothing was said or pressed within the caller's time.
type Silence struct{}

// HungUp: the caller is gone. Every later turn says so again.
type HungUp struct{}

func (Speech) turn()  {}
func (Digits) turn()  {}
func (Silence) turn() {}
func (HungUp) turn()  {}

func turnFrom(turn host.Turn) Turn {
	switch turn.Tag() {
	case host.Turn_Speech:
		speech := turn.Speech()
		return Speech{speech.Text, speech.Confidence, speech.Language, speech.OverAgent}
	case host.Turn_Digits:
		return Digits(turn.Digits())
	case host.Turn_Silence:
		return Silence{}
	default:
		return HungUp{}
	}
}

// Reply is a question's end: what the caller heard of it, and what came back.
type Reply struct {
	Heard Heard
	Turn  Turn
}

// Say speaks, and returns when it was played or interrupted. Refused: ErrInvalid over 4000 characters;
// ErrOverQuota past the call's characters of speech; ErrUnavailable when every voice failed.
func Say(text string, changes ...Option) (Heard, error) {
	heard, err := Granted(host.Say(text, with(changes).say))
	return HeardFrom(heard), err
}

// Ask says, and listens from the first syllable. Refused as Say and Listen.
func Ask(question string, changes ...Option) (Reply, error) {
	o := with(changes)
	reply, err := Granted(host.Ask(question, o.say, o.listen))
	if err != nil {
		return Reply{}, err
	}
	return Reply{HeardFrom(reply.F0), turnFrom(reply.F1)}, nil
}

// Listen waits for the caller's turn. Refused: ErrUnavailable when every transcriber failed; ErrInvalid
// for options out of range.
func Listen(changes ...Option) (Turn, error) {
	turn, err := Granted(host.Listen(with(changes).listen))
	if err != nil {
		return nil, err
	}
	return turnFrom(turn), nil
}

// Play plays a sound file of the tenant. Refused: ErrUnavailable when there is no such file.
func Play(sound string, changes ...Option) (Heard, error) {
	heard, err := Granted(host.Play(sound, with(changes).say))
	return HeardFrom(heard), err
}

// Handover is what became of a transfer.
type Handover uint8

const (
	// Answered: somebody took the call, and the agent's part is over.
	Answered Handover = iota
	// Busy: the destination is.
	Busy
	// NoAnswer: nobody took it.
	NoAnswer
	// CallerGone: the caller did not wait.
	CallerGone
)

// Transfer hands the caller over after a sentence, or none where it is empty. An empty to is the line's
// own fallback number. Refused: ErrNotPermitted for a destination outside the tenant's list;
// ErrUnavailable when the line has no way to transfer.
func Transfer(to, announce string) (Handover, error) {
	sentence := witTypes.None[string]()
	if announce != "" {
		sentence = witTypes.Some(announce)
	}
	how, err := Granted(host.Transfer(to, sentence))
	return Handover(how.Tag()), err
}

// Consent states the caller's answer about recording and keeping a transcript. Refused: ErrNotPermitted
// where the line's policy leaves no choice, or to open what the caller closed.
func Consent(granted bool) error {
	_, err := Granted(host.Consent(granted))
	return err
}

// PauseRecording: nothing is recorded, transcribed, logged or sent to a provider until ResumeRecording.
func PauseRecording() error {
	_, err := Granted(host.PauseRecording())
	return err
}

// ResumeRecording opens again what PauseRecording closed, and never more.
func ResumeRecording() error {
	_, err := Granted(host.ResumeRecording())
	return err
}

// HangUp ends the call. Speaking and listening afterwards behave as after the caller's own hang-up.
func HangUp() { host.HangUp() }
