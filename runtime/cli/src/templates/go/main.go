// Answers the telephone, and notes who wants to be called back.
package main

import (
	"parloir"
	"parloir/ask"
	"parloir/calendar"
	"parloir/report"
)

func init() {
	parloir.Main(parloir.Agent{
		Name:      "{{name}}",
		Version:   "0.1.0",
		Languages: []string{"fr-FR"},
		Needs:     []parloir.Capability{parloir.Transfers},
		Answer:    answer,
	})
}

func main() {}

func answer(call parloir.Call) (parloir.Outcome, error) {
	// A call cut short files this.
	if err := report.Status(report.Abandoned); err != nil {
		return parloir.Failed, err
	}
	company := call.Setting("company.name")
	if company == "" {
		company = "notre société"
	}
	hello := "Bonjour, " + company + ". Je suis un assistant vocal."
	if _, err := parloir.Say(hello, parloir.StoppedBy(parloir.Never)); err != nil {
		return parloir.Failed, err
	}

	agreed, end, err := ask.Until("Cet appel peut être enregistré. Êtes-vous d'accord ?").
		Again("D'accord pour être enregistré, oui ou non ?").YesNo()
	if err != nil {
		return parloir.Failed, err
	}
	if end == ask.HungUp {
		return parloir.Abandoned, nil
	}
	// Where the line leaves no choice, that is the host's word, and the call goes on.
	_ = parloir.Consent(end == ask.Answer && agreed)

	wanted, end, err := ask.Until("Souhaitez-vous être rappelé ?").
		Again("Voulez-vous qu'on vous rappelle, oui ou non ?").YesNo()
	switch {
	case err != nil:
		return parloir.Failed, err
	case end == ask.HungUp:
		return parloir.Abandoned, nil
	case end == ask.Goodbye, end == ask.Answer && !wanted:
		return goodbye()
	case end != ask.Answer:
		return handOver()
	}

	name, end, err := ask.Until("À quel nom, s'il vous plaît ?").
		Again("Épelez votre nom, s'il vous plaît.").Tries(2).Name()
	if err != nil {
		return parloir.Failed, err
	}
	if end == ask.Answer {
		if err := report.Contact(calendar.Contact{Name: name, Phone: call.Caller}); err != nil {
			return parloir.Failed, err
		}
	}
	return callBack()
}

func handOver() (parloir.Outcome, error) {
	handover, err := parloir.Transfer("", "Je vous passe quelqu'un, ne quittez pas.")
	if err != nil || handover != parloir.Answered {
		return callBack()
	}
	return parloir.Transferred, report.Status(report.HandedOver)
}

func goodbye() (parloir.Outcome, error) {
	if _, err := parloir.Say("Très bien. Bonne journée, au revoir."); err != nil {
		return parloir.Failed, err
	}
	if err := report.Status(report.Resolved); err != nil {
		return parloir.Failed, err
	}
	parloir.HangUp()
	return parloir.Done, nil
}

func callBack() (parloir.Outcome, error) {
	if _, err := parloir.Say("C'est noté, on vous rappellera. Au revoir."); err != nil {
		return parloir.Failed, err
	}
	if err := report.Status(report.CallBack); err != nil {
		return parloir.Failed, err
	}
	parloir.HangUp()
	return parloir.CallBack, nil
}
