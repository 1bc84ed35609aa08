// Qualifies a lead in four questions, scores it, and acts: ../README.md is the script.
package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"parloir"
	"parloir/calendar"
	"parloir/report"
	"parloir/understanding"
)

func init() {
	parloir.Main(parloir.Agent{
		Name:      "qualification",
		Version:   "0.1.0",
		Languages: []string{"fr-FR", "en-GB"},
		Needs:     []parloir.Capability{parloir.Calendar, parloir.Transfers},
		Answer:    answer,
	})
}

func main() {}

func answer(call parloir.Call) (parloir.Outcome, error) {
	t := talkOf(call)
	outcome, err := qualify(t)
	switch {
	case errors.Is(err, errGone):
		return parloir.Abandoned, nil
	case errors.Is(err, errHuman), errors.Is(err, errLost):
		return handOver(t, errors.Is(err, errLost))
	default:
		return outcome, err
	}
}

// lead is what the caller answered; what is empty is not known.
type lead struct {
	need, budget, delay, decider string
}

func qualify(t *talk) (parloir.Outcome, error) {
	if err := report.Status(report.Abandoned); err != nil {
		return 0, err
	}
	if err := greet(t); err != nil {
		return 0, err
	}
	var l lead
	for _, inquire := range []func(*talk, *lead) error{need, budget, delay, decider} {
		if err := inquire(t, &l); err != nil {
			return 0, err
		}
	}
	score := points(t.call, l)
	class := "cold"
	if score >= threshold(t.call, "score.hot", 70) {
		class = "hot"
	} else if score >= threshold(t.call, "score.warm", 40) {
		class = "warm"
	}
	if err := file(t, l, score, class); err != nil {
		return 0, err
	}
	if class == "cold" {
		return cold(t)
	}
	contact, err := who(t)
	if err != nil {
		return 0, err
	}
	if class == "hot" {
		outcome, over, err := through(t, t.both(
			"Merci. Je vous passe un conseiller, ne quittez pas.",
			"Thank you. I will put you through to an adviser, please hold."))
		if over {
			return outcome, err
		}
		t.tell("Personne n'est libre tout de suite.", "Nobody is free just now.")
	}
	return warm(t, l, contact)
}

func greet(t *talk) error {
	name := t.call.Setting("company.name")
	if name == "" {
		name = t.both("notre société", "our company")
	}
	err := t.say(
		"Bonjour, "+name+". Je suis un assistant vocal, une intelligence artificielle."+
			" Cet appel peut être enregistré.",
		"Hello, this is "+name+". I am a voice assistant, an artificial intelligence."+
			" This call may be recorded.",
		parloir.StoppedBy(parloir.Never))
	if err != nil {
		return err
	}
	agreed, _, err := t.confirm(
		t.both("Acceptez-vous d'être enregistré ? Dites oui ou non, ou tapez 1 ou 2.",
			"Do you agree to be recorded? Say yes or no, or press 1 or 2."),
		t.both("Acceptez-vous que l'appel soit enregistré ? Oui ou non.",
			"Do you agree to the recording? Yes or no."))
	if err != nil {
		return err
	}
	settle(t, agreed)
	if !agreed {
		t.tell("Très bien, rien ne sera enregistré.", "Very well, nothing will be recorded.")
		return report.Other("recording", "refused")
	}
	return report.Other("recording", "accepted")
}

// settle: where the line's policy leaves no choice, that is the host's word.
func settle(t *talk, agreed bool) {
	t.settled = true
	_ = parloir.Consent(agreed)
}

func need(t *talk, l *lead) error {
	read := func(text string, keys bool) (string, bool) {
		said := strings.TrimSpace(understanding.Once(text))
		said = strings.TrimSpace(strings.TrimRight(said, "."))
		letters := []rune(said)
		return string(letters[:min(len(letters), 200)]), !keys && len(letters) >= 3
	}
	text, known, err := ask(t,
		t.both("Quel est votre projet, en quelques mots ?", "What is your project, in a few words?"),
		t.both("Que recherchez-vous ?", "What are you looking for?"),
		read)
	if err != nil || !known {
		return err
	}
	l.need = text
	return report.Need(text)
}

func budget(t *talk, l *lead) error {
	read := func(text string, _ bool) (int, bool) {
		amount, ok := understanding.Amount(text, t.language)
		if amount.HasMost {
			return amount.Most, ok
		}
		return amount.Least, ok && amount.HasLeast
	}
	euros, known, err := ask(t,
		t.both("Quel budget prévoyez-vous, en euros ?", "What budget do you have in mind, in euros?"),
		t.both("Un ordre de grandeur suffit : combien d'euros ?", "A rough figure will do: how many euros?"),
		read, parloir.Expecting(parloir.Keys), parloir.FinishOn('#'))
	if err != nil {
		return err
	}
	if known {
		l.budget = strconv.Itoa(euros)
	}
	return report.Other("budget", unknown(l.budget))
}

var delays = []string{"month", "quarter", "later"}

func delay(t *talk, l *lead) error {
	options := []string{"this month", "within three months", "later"}
	if t.french {
		options = []string{"ce mois-ci", "dans les trois mois", "plus tard"}
	}
	read := func(text string, keys bool) (string, bool) {
		place := slices.Index([]string{"1", "2", "3"}, text)
		if !keys {
			place = -1
			if choice := understanding.Choose(text, t.language, options); choice.Kind == understanding.Offer {
				place = choice.Offer
			}
		}
		if place < 0 {
			return "", false
		}
		return delays[place], true
	}
	when, _, err := ask(t,
		t.both("Pour quand : ce mois-ci, dans les trois mois, ou plus tard ?",
			"For when: this month, within three months, or later?"),
		t.both("Tapez 1 pour ce mois-ci, 2 pour dans les trois mois, 3 pour plus tard.",
			"Press 1 for this month, 2 for within three months, 3 for later."),
		read, parloir.MaxDigits(1))
	if err != nil {
		return err
	}
	l.delay = when
	return report.Other("delay", unknown(l.delay))
}

func decider(t *talk, l *lead) error {
	decides, known, err := t.confirm(
		t.both("Est-ce vous qui prenez la décision ?", "Is the decision yours?"),
		t.both("Décidez-vous vous-même, oui ou non ?", "Do you decide yourself, yes or no?"))
	if err != nil {
		return err
	}
	if known && decides {
		l.decider = "yes"
	} else if known {
		l.decider = "no"
	}
	return report.Other("decider", unknown(l.decider))
}

func points(call parloir.Call, l lead) int {
	points := 0
	if l.need != "" {
		points += 20
	}
	euros, _ := strconv.Atoi(l.budget)
	if euros >= threshold(call, "budget.good", 10_000) {
		points += 30
	} else if euros >= threshold(call, "budget.fair", 3_000) {
		points += 15
	}
	switch l.delay {
	case "month":
		points += 25
	case "quarter":
		points += 15
	}
	if l.decider == "yes" {
		points += 25
	}
	return points
}

// threshold is a setting of one to nine figures and nothing else, or what holds without it.
func threshold(call parloir.Call, name string, otherwise int) int {
	said := call.Setting(name)
	figures := len(said) >= 1 && len(said) <= 9 && strings.Trim(said, "0123456789") == ""
	if value, err := strconv.Atoi(said); figures && err == nil {
		return value
	}
	return otherwise
}

func file(t *talk, l lead, score int, class string) error {
	if err := report.Other("score", strconv.Itoa(score)); err != nil {
		return err
	}
	if err := report.Other("class", class); err != nil {
		return err
	}
	return report.Summary(unknown(l.need) + ". Budget " + unknown(l.budget) +
		t.both(", délai ", ", delay ") + unknown(l.delay) +
		t.both(", décideur ", ", decider ") + unknown(l.decider) +
		". Score " + strconv.Itoa(score) + ", " + class + ".")
}

func cold(t *talk) (parloir.Outcome, error) {
	err := t.say(
		"Merci, j'ai bien noté votre projet. Nous n'avons pas d'offre adaptée pour l'instant ;"+
			" rappelez-nous quand il avancera. Au revoir.",
		"Thank you, I have noted your project. We have no suitable offer for now;"+
			" call us again when it moves forward. Goodbye.")
	if err != nil {
		return 0, err
	}
	if err := report.Status(report.OutOfScope); err != nil {
		return 0, err
	}
	parloir.HangUp()
	return parloir.Done, nil
}

func who(t *talk) (calendar.Contact, error) {
	readName := func(text string, keys bool) (string, bool) {
		if keys {
			return "", false
		}
		name, _, ok := understanding.Name(text, t.language)
		return name, ok
	}
	name, known, err := ask(t,
		t.both("À quel nom, s'il vous plaît ?", "What name is it, please?"),
		t.both("Épelez votre nom, s'il vous plaît.", "Please spell your name."),
		readName, parloir.Expecting(parloir.Name))
	if err != nil {
		return calendar.Contact{}, err
	}
	if !known {
		name = t.both("inconnu", "unknown")
	}
	contact := calendar.Contact{Name: name, Phone: t.call.Caller}
	if contact.Phone == "" {
		readPhone := func(text string, _ bool) (string, bool) {
			return understanding.Phone(text, t.language, t.call.Line)
		}
		contact.Phone, _, err = ask(t,
			t.both("À quel numéro peut-on vous rappeler ?", "On which number can we call you back?"),
			t.both("Dites-le chiffre par chiffre, ou tapez-le puis dièse.",
				"Say it digit by digit, or type it and then the hash key."),
			readPhone, parloir.Expecting(parloir.Keys), parloir.FinishOn('#'))
		if err != nil {
			return contact, err
		}
	}
	return contact, report.Contact(contact)
}

// through hands the caller over; over says that the call ends here.
func through(t *talk, announce string) (outcome parloir.Outcome, over bool, err error) {
	handover, err := parloir.Transfer("", t.led(announce))
	switch {
	case err != nil:
		return 0, false, nil
	case handover == parloir.Answered:
		return parloir.Transferred, true, report.Status(report.HandedOver)
	case handover == parloir.CallerGone:
		return parloir.Abandoned, true, nil
	default:
		return 0, false, nil
	}
}

func warm(t *talk, l lead, contact calendar.Contact) (parloir.Outcome, error) {
	for range 2 {
		slots, err := calendar.Free(calendar.Wanted{Limit: 2})
		if err != nil || len(slots) == 0 {
			return callBack(t)
		}
		slot, taken, err := choose(t, slots)
		if err != nil {
			return 0, err
		}
		if !taken {
			return callBack(t)
		}
		appointment, ok, err := calendar.Book(slot.ID, contact, unknown(l.need))
		if err != nil {
			return callBack(t)
		}
		if ok {
			return booked(t, appointment)
		}
		t.tell("Ce créneau vient d'être pris.", "That time has just been taken.")
	}
	return callBack(t)
}

// choose is the slot that the caller takes; false for none.
func choose(t *talk, slots []calendar.Slot) (calendar.Slot, bool, error) {
	now := parloir.Now()
	moments := make([]parloir.Time, len(slots))
	said := make([]string, len(slots))
	for i, slot := range slots {
		moments[i] = slot.Start
		said[i] = understanding.SayMoment(slot.Start, now, t.language)
	}
	var question, brief string
	if len(slots) == 1 {
		question = t.both("Un conseiller peut vous rappeler "+said[0]+". Cela vous convient ?",
			"An adviser can call you "+said[0]+". Does that suit you?")
		brief = t.both("Oui ou non ?", "Yes or no?")
	} else {
		question = t.both("Un conseiller peut vous rappeler "+said[0]+", ou "+said[1]+". Lequel préférez-vous ?",
			"An adviser can call you "+said[0]+", or "+said[1]+". Which do you prefer?")
		brief = t.both("Le premier ou le deuxième ?", "The first or the second?")
	}
	// A place in the list; one beyond it means that none suits.
	read := func(text string, keys bool) (int, bool) {
		if keys {
			place := slices.Index([]string{"1", "2"}, text)
			return place, place >= 0
		}
		choice := understanding.ChooseMoment(text, t.language, moments, now)
		switch choice.Kind {
		case understanding.Offer:
			return choice.Offer, true
		case understanding.Any:
			return 0, true
		case understanding.Yes:
			return 0, len(slots) == 1
		case understanding.Neither, understanding.Rather:
			return len(slots), true
		default:
			return 0, false
		}
	}
	place, answered, err := ask(t, question, brief, read, parloir.Expecting(parloir.Date), parloir.MaxDigits(1))
	if err != nil || !answered || place >= len(slots) {
		return calendar.Slot{}, false, err
	}
	return slots[place], true, nil
}

func booked(t *talk, appointment calendar.Appointment) (parloir.Outcome, error) {
	if err := report.Appointment(appointment); err != nil {
		return 0, err
	}
	if err := report.Status(report.Booked); err != nil {
		return 0, err
	}
	at := understanding.SayMoment(appointment.Slot.Start, parloir.Time{}, t.language)
	reference := understanding.SaySpelled(appointment.Reference)
	err := t.say("C'est noté : "+at+", référence "+reference+". Merci et au revoir.",
		"It is booked: "+at+", reference "+reference+". Thank you and goodbye.")
	if err != nil {
		return 0, err
	}
	parloir.HangUp()
	return parloir.Done, nil
}

func callBack(t *talk) (parloir.Outcome, error) {
	err := t.say("Un conseiller vous rappellera. Merci et au revoir.",
		"An adviser will call you back. Thank you and goodbye.")
	if err != nil {
		return 0, err
	}
	if err := report.Status(report.CallBack); err != nil {
		return 0, err
	}
	parloir.HangUp()
	return parloir.CallBack, nil
}

// handOver: the caller wants a human being, or is not understood.
func handOver(t *talk, lost bool) (parloir.Outcome, error) {
	if !t.settled {
		settle(t, false)
	}
	announce := t.both("Je vous passe quelqu'un, ne quittez pas.",
		"I will put you through to somebody, please hold.")
	if lost {
		announce = t.both("Je n'arrive pas à vous comprendre. Je vous passe quelqu'un, ne quittez pas.",
			"I am having trouble understanding. I will put you through, please hold.")
	}
	if outcome, over, err := through(t, announce); over {
		return outcome, err
	}
	return callBack(t)
}

func unknown(value string) string {
	if value == "" {
		return "unknown"
	}
	return value
}
