// Makes every call of the contract once, passing on what it is answered, in the order of ../c/agent.c: the
// tests hold both to the same host calls. Or fails, as the line's setting `fail` says.
package main

import (
	"errors"
	"fmt"
	"time"

	"parloir"
	"parloir/ask"
	"parloir/calendar"
	"parloir/connectors"
	"parloir/documents"
	"parloir/memory"
	"parloir/model"
	"parloir/report"
	"parloir/understanding"
)

func init() {
	parloir.Main(parloir.Agent{
		Name: "every-call", Version: "0.1.0", Languages: []string{"fr-FR", "en-GB"},
		Needs: []parloir.Capability{
			parloir.Model, parloir.Calendar, parloir.Memory, parloir.Documents, parloir.Connectors,
			parloir.Transfers,
		},
		Answer: answer,
	})
}

func main() {}

func answer(call parloir.Call) (parloir.Outcome, error) {
	switch call.Setting("fail") {
	case "panic":
		panic("asked to panic")
	case "index":
		return parloir.Outcome([]byte(call.ID)[len(call.ID)]), nil
	case "deadlock":
		<-make(chan int)
	case "goroutine":
		go func() { panic("from beside, prêt \xff") }()
		time.Sleep(time.Hour)
	case "give-up":
		_, err := parloir.Say("refuse")
		return parloir.Failed, errors.New(refused(err))
	case "until":
		until()
		return parloir.Done, nil
	case "library":
		library(call)
		return parloir.Done, nil
	}
	conversation(call)
	appointments()
	stores()
	services(call)
	models()
	understand(call)
	around()
	parloir.HangUp()
	return parloir.CallBack, nil
}

// library is what Go's own library makes of a machine that is not there.
func library(call parloir.Call) {
	began := time.Now()
	time.Sleep(90 * time.Minute)
	fmt.Println("slept", time.Since(began).Round(time.Minute), "for", call.ID)
	done := make(chan string)
	go func() { done <- "un thé, prêt" }()
	fmt.Print("from ", <-done, "\nunfinished")
	fmt.Println("", "\xff\xe2\x82", "…")
}

func refused(err error) string {
	var refusal *parloir.Refusal
	if !errors.As(err, &refusal) {
		return "ok: "
	}
	return refusal.Kind.Error() + ": " + err.Error()
}

func note(name, value string) {
	if err := report.Other(name, value); err != nil {
		panic("the report refuses " + name)
	}
}

func yes(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func at(t parloir.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d", t.Year, t.Month, t.Day, t.Hour, t.Minute)
}

func turn(turn parloir.Turn) string {
	switch turn := turn.(type) {
	case parloir.Speech:
		return fmt.Sprintf("%s in %s, %s over the agent, %v", turn.Text, turn.Language, yes(turn.OverAgent), turn.Confidence)
	case parloir.Digits:
		return "keys " + string(turn)
	case parloir.Silence:
		return "silence"
	default:
		return "hung up"
	}
}

func appointment(a calendar.Appointment) string {
	return fmt.Sprintf("%s, %s at %s for %d min, %s %s, %s", a.Reference, a.Slot.ID, at(a.Slot.Start),
		a.Slot.Minutes, a.Contact.Name, a.Contact.Phone, a.Motive)
}

func conversation(call parloir.Call) {
	note("call", fmt.Sprintf("%s %s %s %s %s", call.ID, yes(call.Outbound), call.Line, call.Caller, at(call.StartedAt)))
	note("setting", call.Setting("padded"))
	if call.Setting("blank") == "" {
		note("no setting", "none")
	}
	heard, _ := parloir.Say("Bonjour.", parloir.StoppedBy(parloir.Never), parloir.In("fr-FR"))
	note("heard", fmt.Sprintf("%s %s %d", heard.Text, yes(heard.Whole), heard.Played.Milliseconds()))
	_, err := parloir.Say("refuse")
	note("say", refused(err))
	parloir.Play("chime", parloir.StoppedBy(parloir.ByKeys))
	reply, _ := parloir.Ask("Combien ?", parloir.Expecting(parloir.Keys), parloir.Patience(8*time.Second),
		parloir.MaxDigits(4), parloir.FinishOn('#'))
	note("reply", reply.Heard.Text+"; "+turn(reply.Turn))
	for range 3 {
		next, _ := parloir.Listen()
		note("turn", turn(next))
	}
	if handover, err := parloir.Transfer("+33100000001", "Un instant."); err != nil || handover != parloir.Busy {
		panic("a busy line")
	}
	_, err = parloir.Transfer("", "")
	note("transfer", refused(err))
	parloir.Consent(true)
	note("consent", refused(parloir.Consent(false)))
	parloir.PauseRecording()
	parloir.ResumeRecording()
}

func appointments() {
	slots, _ := calendar.Free(calendar.Wanted{
		From: parloir.Time{Year: 2026, Month: time.November, Day: 24}, Weekdays: []time.Weekday{time.Tuesday, time.Sunday},
		Earliest: 540, Latest: 720, Limit: 5,
	})
	second := slots[1]
	note("slots", fmt.Sprintf("%d, %s at %s for %d min", len(slots), second.ID, at(second.Start), second.Minutes))
	_, err := calendar.Free(calendar.Wanted{})
	note("free", refused(err))
	booked, ok, _ := calendar.Book(second.ID, calendar.Contact{Name: "Jean Dupont", Phone: "+33612345678"}, "projet")
	note("booked", yes(ok)+" "+appointment(booked))
	_, ok, _ = calendar.Reschedule(booked.Reference, "other")
	note("moved", yes(ok))
	found, _ := calendar.Find("+33612345678")
	note("found", fmt.Sprintf("%d %s", len(found), appointment(found[0])))
	cancelled, _ := calendar.Cancel("A7K2P9")
	note("cancelled", yes(cancelled))
	report.Contact(calendar.Contact{Name: "Jean Dupont"})
	report.Need("besoin")
	report.Appointment(booked)
	report.Status(report.OutOfScope)
	report.Summary("résumé")
}

func stores() {
	value, _, _ := memory.Get("there")
	note("there", string(value))
	if _, ok, _ := memory.Get("absent"); !ok {
		note("absent", "none")
	}
	memory.Set("key", []byte("value"))
	done, _ := memory.CompareAndSet("key", []byte("value"), []byte("new"))
	note("exchanged", yes(done))
	memory.CompareAndSet("key", nil, []byte("new"))
	memory.Delete("key")
	names, _ := documents.List()
	note("documents", fmt.Sprintf("%d %s %s", len(names), names[0], names[1]))
	text, _ := documents.Read(names[0])
	note("document", text)
	passages, _ := documents.Search("tarif", 3)
	note("passage", fmt.Sprintf("%d %s %s %v", len(passages), passages[0].Document, passages[0].Text, passages[0].Score))
}

func answered(answer connectors.Answer, err error) string {
	if err != nil {
		return refused(err)
	}
	return fmt.Sprintf("%d %s", answer.Status, answer.Body)
}

func services(call parloir.Call) {
	names := connectors.List()
	first := "none"
	if len(names) > 0 {
		first = names[0]
	}
	note("connectors", fmt.Sprintf("%d %s", len(names), first))
	note("customer", answered(connectors.Get("crm", "customers/42", connectors.Pair{Name: "phone", Value: call.Caller})))
	note("visit", answered(connectors.Send(connectors.Request{
		Connector: "crm", Method: connectors.MethodPost, Path: "visits",
		Query: []connectors.Pair{{Name: "soon", Value: "oui & non"}, {Name: "soon", Value: ""}},
		Body:  `{"day":"mardi"}`,
	})))
}

func models() {
	note("model", yes(model.Available()))
	temperature := float32(0.25)
	answer, _ := model.Ask(model.Chat{
		Messages: []model.Message{
			model.System("be brief"), model.User("hello"),
			model.Assistant{ToolCalls: []model.ToolCall{{ID: "1", Name: "slots", Arguments: "{}"}}},
			model.ToolResult{ID: "1", Content: "none"},
		},
		Tools:     []model.Tool{{Name: "slots", Description: "free slots", Parameters: `{"type":"object"}`}},
		MaxTokens: 100, Temperature: &temperature,
	})
	note("chat", fmt.Sprintf("%s %s(%s) %d %d %d %s", answer.Text, answer.ToolCalls[0].Name, answer.ToolCalls[0].Arguments,
		answer.Finish, answer.InputTokens, answer.OutputTokens, answer.Model))
	heard, answer, _ := model.Reply(model.Chat{Messages: []model.Message{model.System("be brief")}}, parloir.In("en-GB"))
	note("reply", heard.Text+" of "+answer.Text)
}

func wish(w understanding.Wish) string {
	weekdays := 0
	for _, day := range w.Weekdays {
		weekdays |= 1 << ((day + 6) % 7)
	}
	return fmt.Sprintf("%s to %s, %d, %d-%d, %s %d", at(w.From), at(w.Until), weekdays, w.Earliest, w.Latest, yes(w.HasAt), w.At)
}

func understand(call parloir.Call) {
	const fr = "fr-FR"
	now := parloir.Now()
	said, _ := understanding.YesNo("oui, bien sûr", fr)
	note("yes", yes(said))
	if _, ok := understanding.YesNo("je ne sais pas", fr); !ok {
		note("unclear", "unclear")
	}
	note("digits", understanding.Digits("zéro six, douze", fr))
	if number, ok := understanding.Number("quinze mille", fr); ok {
		note("number", fmt.Sprint(number))
	}
	if amount, ok := understanding.Amount("au moins deux mille euros", fr); ok {
		note("amount", fmt.Sprintf("%s %d %s %s", yes(amount.HasLeast), amount.Least, yes(amount.HasMost), amount.Currency))
	}
	first, ok1 := understanding.When("mardi après-midi", fr, now)
	second, ok2 := understanding.When("à 15h30", fr, now)
	if !ok1 || !ok2 {
		panic("two wishes")
	}
	note("wish", wish(first))
	both := understanding.Refine(first, second)
	note("both", wish(both))
	note("around", wish(understanding.Around(both, 60)))
	note("fits", yes(understanding.Fits(both, parloir.Time{Year: 2026, Month: 11, Day: 24, Hour: 15, Minute: 30})))
	calendar.Free(both.Wanted())
	phone, _ := understanding.Phone("06 12 34 56 78", fr, call.Line)
	note("phone", phone)
	if _, ok := understanding.Phone("12", fr, call.Line); !ok {
		note("no phone", "none")
	}
	if name, spelled, ok := understanding.Name("Jean Dupont", fr); ok {
		note("name", name+" "+yes(spelled))
	}
	options := []string{"ce mois-ci", "plus tard"}
	choice := understanding.Choose("plus tard", fr, options)
	note("choice", fmt.Sprintf("%d %d", choice.Kind, choice.Offer))
	offers := []parloir.Time{
		{Year: 2026, Month: 11, Day: 24, Hour: 10}, {Year: 2026, Month: 11, Day: 25, Hour: 10},
	}
	choice = understanding.ChooseMoment("plutôt vendredi", fr, offers, now)
	note("moment", fmt.Sprintf("%d %s", choice.Kind, wish(choice.Rather)))
	intents := understanding.Intents("je voudrais parler à un conseiller, au revoir", fr)
	all := 0
	for _, intent := range intents {
		all |= 1 << intent
	}
	note("intents", fmt.Sprintf("%d %x", len(intents), all))
	if relative, ok := understanding.RelativeWish("plus tôt", fr); ok {
		note("relative", fmt.Sprint(relative))
	}
	note("noise", yes(understanding.IsNoise("[Musique]")))
	note("once", understanding.Once("Bonjour. Bonjour. Bonjour."))
	if language, ok := understanding.LanguageOf("I would like to speak to somebody about the house"); ok {
		note("language", language)
	}
	note("date", understanding.SayDate(offers[0], fr))
	note("time", understanding.SayTime(offers[0], fr))
	note("moment", understanding.SayMoment(offers[0], now, fr))
	note("then", understanding.SayMoment(offers[0], parloir.Time{}, fr))
	note("number", understanding.SayNumber(15000, fr))
	note("phone", understanding.SayPhone("+33612345678", fr))
	note("spelled", understanding.SaySpelled("A7K2P9"))
	note("list", understanding.SayList(options, understanding.Or, fr))
}

func around() {
	note("now", fmt.Sprintf("%s, day %d, %d ms", at(parloir.Now()), parloir.Weekday(), parloir.Elapsed().Milliseconds()))
	random := parloir.Random(4)
	note("random", fmt.Sprintf("%d %x", len(random), random))
	parloir.Debug("a note")
	parloir.Warn(fmt.Sprintf("%5d|%-5d|%05d|%c|%%", -42, 42, -42, 'x'))
}

func ended(value string, end ask.End, err error) {
	ends := []string{"answer", "human", "goodbye", "silent", "misunderstood", "hung up"}
	switch {
	case err != nil:
		note("refused", "")
	case end == ask.Answer:
		note("answer", value)
	default:
		note(ends[end], "")
	}
}

// until is one question of each kind until it is answered, and one for each other end.
func until() {
	said, end, err := ask.Until("Oui ?").Again("Oui ou non ?", "Alors ?").YesNo()
	ended(yes(said), end, err)
	choice, end, err := ask.Until("Quoi ?").Choose([]string{"un conseiller", "un devis"})
	ended(fmt.Sprintf("%d %d", choice.Kind, choice.Offer), end, err)
	choice, end, err = ask.Until("Lequel ?").ChooseMoment([]parloir.Time{
		{Year: 2026, Month: 11, Day: 24, Hour: 10}, {Year: 2026, Month: 11, Day: 25, Hour: 10},
	})
	ended(fmt.Sprintf("%d %d", choice.Kind, choice.Offer), end, err)
	when, end, err := ask.Until("Quand ?").When()
	ended(wish(when), end, err)
	phone, end, err := ask.Until("Quel numéro ?").Phone()
	ended(phone, end, err)
	digits, end, err := ask.Until("Quel code ?").Tries(2).In("en-GB").Digits(4, 6)
	ended(digits, end, err)
	number, end, err := ask.Until("Combien ?").Patience(4 * time.Second).Number()
	ended(fmt.Sprint(number), end, err)
	amount, end, err := ask.Until("Quel prix ?").StoppedBy(parloir.Never).Amount()
	ended(fmt.Sprint(amount.Least), end, err)
	name, end, err := ask.Until("Quel nom ?").Name()
	ended(name, end, err)
	word, end, err := ask.Read(ask.Until("Le mot ?"), func(said ask.Said) (string, bool) {
		return said.Language, !said.Keys && said.Text == "sésame"
	})
	ended(word, end, err)
	for range 6 {
		_, end, err := ask.Until("Encore ?").YesNo()
		ended("", end, err)
	}
	_, end, err = ask.Until("refuse").YesNo()
	ended("", end, err)
}
