// Package understanding says what a caller means by what was transcribed, and how to say things back, in
// French and English: the host's one implementation for agents of every language.
//
// Everything is pure: the same words at the same moment always mean the same, and nothing can be refused.
// What cannot be understood is never guessed. A language is a BCP 47 tag, such as that of the call.
package understanding

import (
	"time"

	"parloir"
	"parloir/calendar"
	"parloir/internal/contract/imports/parloir_agent_types"
	host "parloir/internal/contract/imports/parloir_agent_understanding"
	witTypes "parloir/internal/types"
)

// Wish is which moments suit a caller. What is left zero does not constrain.
type Wish struct {
	// From is midnight of the first day that suits.
	From parloir.Time
	// Until is midnight of the first day that no longer suits.
	Until parloir.Time
	// Weekdays: only these.
	Weekdays []time.Weekday
	// Earliest: not before this time of day, in minutes after midnight.
	Earliest int
	// Latest: begins before this time of day, in minutes after midnight.
	Latest int
	// HasAt says that a very time was asked for; At is that, in minutes after midnight.
	HasAt bool
	At    int
}

// Wanted is the two soonest slots that suit: those of the very minute where a time was asked for.
func (w Wish) Wanted() calendar.Wanted {
	wanted := calendar.Wanted{
		From: w.From, Until: w.Until, Weekdays: w.Weekdays, Earliest: w.Earliest, Latest: w.Latest, Limit: 2,
	}
	if w.HasAt {
		wanted.Earliest, wanted.Latest = w.At, w.At+1
	}
	return wanted
}

// Quantity is how much, in whole units. One figure is both ends; "at least" has no Most, "at most" no
// Least.
type Quantity struct {
	HasLeast bool
	Least    int
	HasMost  bool
	Most     int
	// Currency said beside it, ISO 4217; empty when none was.
	Currency string
}

// ChoiceKind is what a caller makes of some offers.
type ChoiceKind uint8

const (
	// Offer: that one.
	Offer ChoiceKind = iota
	// Any of them suits.
	Any
	// Neither suits. What would suit may stand in the same text: ask When.
	Neither
	// Rather a moment that was not offered. Only ChooseMoment answers so.
	Rather
	// Yes to more than one offer, or to nothing in particular.
	Yes
	// Unclear: nothing that can be understood.
	Unclear
)

// Choice is what a caller makes of some offers.
type Choice struct {
	Kind ChoiceKind
	// Offer is its place in the list, from 0.
	Offer int
	// Rather is the moment that was not offered.
	Rather Wish
}

// Intent is something a caller wants, or does, in passing.
type Intent uint8

// The intents that are recognised.
const (
	Emergency     Intent = iota // a life may be in danger
	Urgent                      // it hurts, it cannot wait
	Human                       // a human being, please
	Repeat                      // say that again
	Wait                        // a moment, I am looking
	Cancel                      // cancel an appointment
	Move                        // move an appointment
	Recall                      // when is my appointment?
	Appointment                 // make an appointment
	Hours                       // when are you open?
	Address                     // where are you?
	Price                       // what does it cost?
	OtherLanguage               // speak the other language
	CallBack                    // please ring me back
	Wrong                       // not that: start again
	Greeting                    // good day
	Thanks                      // thank you
	Goodbye                     // goodbye
)

// Relative is a wish relative to what was offered.
type Relative uint8

// Sooner, later, or on some other day.
const (
	Earlier Relative = iota
	Later
	OtherDay
)

// Conjunction is what stands before the last item of a list.
type Conjunction uint8

// And, or or.
const (
	And Conjunction = iota
	Or
)

// YesNo is whether the caller says yes; ok is false for neither, for both, and for "I do not know".
func YesNo(text, language string) (yes, ok bool) { return host.YesNo(text, language).Get() }

// Digits is the digits dictated, in order, after a "+" where one was said; empty when there are none.
func Digits(text, language string) string { return host.Digits(text, language) }

// Number is the first whole number said, in letters or in figures, up to 999,999,999.
func Number(text, language string) (number int, ok bool) {
	found, ok := host.Number(text, language).Get()
	return int(found), ok
}

// Amount is how much the caller says: "quinze mille euros", "at least 2k".
func Amount(text, language string) (quantity Quantity, ok bool) {
	found, ok := host.Amount(text, language).Get()
	least, hasLeast := found.Least.Get()
	most, hasMost := found.Most.Get()
	return Quantity{hasLeast, int(least), hasMost, int(most), found.Currency.Some()}, ok
}

// When is which days and times the caller wishes, relative to now: "mardi en huit", "half past three".
func When(text, language string, now parloir.Time) (wish Wish, ok bool) {
	found, ok := host.When(text, language, now.Local()).Get()
	return wishFrom(found), ok
}

// Refine is the wish after a newer one: what the newer does not speak of stays.
func Refine(wish, newer Wish) Wish { return wishFrom(host.Refine(wish.host(), newer.host())) }

// Around is the wish with the time asked for as a span of so many minutes before and after it.
func Around(wish Wish, minutes int) Wish {
	return wishFrom(host.Around(wish.host(), uint16(min(max(minutes, 0), 0xffff))))
}

// Fits says whether a moment suits.
func Fits(wish Wish, moment parloir.Time) bool { return host.Fits(wish.host(), moment.Local()) }

// Phone is the telephone number dictated or keyed, E.164. A national number belongs to the country of
// home, such as the line's own number.
func Phone(text, language, home string) (phone string, ok bool) {
	return host.Phone(text, language, home).Get()
}

// Name is the caller's, said or spelled, as it is to be written; spelled says that the letters are sure.
func Name(text, language string) (name string, spelled, ok bool) {
	found, ok := host.Name(text, language).Get()
	return found.Text, found.Spelled, ok
}

// Choose is which option the caller takes: by rank, by number, by its own words, by a yes to a single one.
func Choose(text, language string, options []string) Choice {
	return choiceFrom(host.Choose(text, language, options))
}

// ChooseMoment is which moment on offer the caller takes: by rank, by day or time, by a yes to a single one.
func ChooseMoment(text, language string, offers []parloir.Time, now parloir.Time) Choice {
	moments := make([]parloir_agent_types.LocalTime, len(offers))
	for i, offer := range offers {
		moments[i] = offer.Local()
	}
	return choiceFrom(host.ChooseMoment(text, language, moments, now.Local()))
}

// Intents is everything the caller is after, most pressing first.
func Intents(text, language string) []Intent {
	found := host.Intents(text, language)
	intents := make([]Intent, len(found))
	for i, intent := range found {
		intents[i] = Intent(intent)
	}
	return intents
}

// RelativeWish is whether the caller wants something earlier, later, or on another day than was offered.
func RelativeWish(text, language string) (relative Relative, ok bool) {
	found, ok := host.RelativeWish(text, language).Get()
	return Relative(found), ok
}

// IsNoise says whether a text is no speech at all. parloir.Listen may answer such a text.
func IsNoise(text string) bool { return host.IsNoise(text) }

// Once is a text with each sentence once, where a recogniser wrote one over and over.
func Once(text string) string { return host.Once(text) }

// LanguageOf is the language of a text: "fr-FR" or "en-GB".
func LanguageOf(text string) (language string, ok bool) { return host.LanguageOf(text).Get() }

// SayDate is "mardi 24 novembre", "Tuesday the 24th of November".
func SayDate(date parloir.Time, language string) string { return host.SayDate(date.Local(), language) }

// SayTime is "15 heures 30", "half past 3 in the afternoon".
func SayTime(t parloir.Time, language string) string { return host.SayTime(t.Local(), language) }

// SayMoment is day and time. Unless now is zero, a near moment is said so: "tomorrow, Tuesday the 24th of
// November at noon".
func SayMoment(moment, now parloir.Time, language string) string {
	present := witTypes.None[parloir_agent_types.LocalTime]()
	if !now.IsZero() {
		present = witTypes.Some(now.Local())
	}
	return host.SayMoment(moment.Local(), present, language)
}

// SayNumber is "quinze mille", "fifteen thousand".
func SayNumber(number int, language string) string {
	return host.SayNumber(uint32(max(number, 0)), language)
}

// SayPhone is "06, 12, 34, 56, 78".
func SayPhone(phone, language string) string { return host.SayPhone(phone, language) }

// SaySpelled is "A, 7, K, 2, P, 9".
func SaySpelled(text string) string { return host.SaySpelled(text) }

// SayList is "lundi, mardi ou jeudi".
func SayList(items []string, conjunction Conjunction, language string) string {
	return host.SayList(items, uint8(conjunction), language)
}

func wishFrom(w host.Wish) Wish {
	days := make([]time.Weekday, len(w.Weekdays))
	for i, day := range w.Weekdays {
		days[i] = time.Weekday((day + 1) % 7)
	}
	wish := Wish{Weekdays: days, Earliest: int(w.Earliest.Some()), Latest: int(w.Latest.Some())}
	if from, ok := w.From.Get(); ok {
		wish.From = parloir.TimeFrom(from)
	}
	if until, ok := w.Until.Get(); ok {
		wish.Until = parloir.TimeFrom(until)
	}
	at, hasAt := w.At.Get()
	wish.HasAt, wish.At = hasAt, int(at)
	return wish
}

func (w Wish) host() host.Wish {
	days := make([]parloir_agent_types.Weekday, len(w.Weekdays))
	for i, day := range w.Weekdays {
		days[i] = uint8((day + 6) % 7)
	}
	made := host.Wish{Weekdays: days, Earliest: minutes(w.Earliest, w.Earliest > 0), Latest: minutes(w.Latest, w.Latest > 0)}
	made.At = minutes(w.At, w.HasAt)
	if !w.From.IsZero() {
		made.From = witTypes.Some(w.From.Local())
	}
	if !w.Until.IsZero() {
		made.Until = witTypes.Some(w.Until.Local())
	}
	return made
}

func minutes(after int, some bool) witTypes.Option[uint16] {
	if !some {
		return witTypes.None[uint16]()
	}
	return witTypes.Some(uint16(min(max(after, 0), 0xffff)))
}

func choiceFrom(choice host.Choice) Choice {
	made := Choice{Kind: ChoiceKind(choice.Tag())}
	switch made.Kind {
	case Offer:
		made.Offer = int(choice.Offer())
	case Rather:
		made.Rather = wishFrom(choice.Rather())
	}
	return made
}
