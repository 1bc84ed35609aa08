// Package parloir is what the author of a telephone agent imports.
//
// An agent is a plain sequential program: it says, listens, asks, decides, and returns how the call
// ended. There is no event loop to keep and nothing to await: the host parks the agent while the caller
// thinks.
//
//	package main
//
//	import "parloir"
//
//	func init() {
//		parloir.Main(parloir.Agent{
//			Name: "greeter", Version: "0.1.0", Languages: []string{"en-GB"}, Answer: answer,
//		})
//	}
//
//	func answer(call parloir.Call) (parloir.Outcome, error) {
//		reply, err := parloir.Ask("Good morning. Shall somebody ring you back?",
//			parloir.Expecting(parloir.YesNo))
//		if err != nil {
//			return parloir.Failed, err
//		}
//		switch reply.Turn.(type) {
//		case parloir.HungUp:
//			return parloir.Abandoned, nil
//		default:
//			_, err = parloir.Say("Thank you. Goodbye.")
//			return parloir.Done, err
//		}
//	}
//
//	func main() {}
//
// What was refused is an error of type *Refusal; errors.Is tells it apart by kind. A hang-up, a busy
// line and a slot somebody else took are no errors but values.
//
// An agent has what the contract imports, and nothing else: no file, no socket, no clock but Now, no
// randomness but Random. What it prints, and a panic with its place, goes to the call's journal. Each
// call has an instance of the agent to itself, so that a package variable belongs to one call.
package parloir

import (
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"parloir/internal/contract/exports/export_wit_world"
	_ "parloir/internal/contract/exports/wit_exports" // describe and answer
	"parloir/internal/contract/imports/parloir_agent_call"
	"parloir/internal/contract/imports/wit_world"
)

// Capability is an ability beyond the conversation itself: refused unless described by the agent and
// granted by the line.
type Capability string

// The capabilities there are.
const (
	Model      Capability = "model"
	Calendar   Capability = "calendar"
	Memory     Capability = "memory"
	Documents  Capability = "documents"
	Connectors Capability = "connectors"
	Transfers  Capability = "transfer"
)

// Agent is who answers.
type Agent struct {
	Name    string
	Version string
	// Languages it speaks, BCP 47, best first.
	Languages []string
	// Needs beyond the conversation.
	Needs []Capability
	// Answer answers one call, from the first word to the last. An error that it returns ends the agent's
	// part as Failed, and the host looks after the caller.
	Answer func(Call) (Outcome, error)
}

// Outcome is how a call ended.
type Outcome uint8

const (
	// Done: the conversation came to its end.
	Done Outcome = iota
	// Transferred: a human has the caller.
	Transferred
	// CallBack: somebody has to ring back.
	CallBack
	// Abandoned: the caller left.
	Abandoned
	// Failed: the agent gives up, for the reason that the error beside it gives.
	Failed
)

// Call is what is known when it is answered.
type Call struct {
	// ID is the call's random identifier, 32 hexadecimal digits.
	ID string
	// Outbound says that the line rang the caller, and not the caller the line.
	Outbound bool
	// Line is the number that rang, E.164.
	Line string
	// Caller is the caller's number, E.164; empty when withheld.
	Caller string
	// Language is the line's first, BCP 47.
	Language  string
	StartedAt Time

	settings map[string]string
}

// Setting is the tenant's setting of this name, without the blanks around it; empty where it is absent.
func (c Call) Setting(name string) string { return c.settings[name] }

var current Call

// Current is the call being answered.
func Current() Call { return current }

// Main makes this the program's agent. Call it once, in an init function: main itself is never run.
func Main(agent Agent) {
	export_wit_world.Describe = func() wit_world.Description {
		needs := make([]string, len(agent.Needs))
		for i, need := range agent.Needs {
			needs[i] = string(need)
		}
		return wit_world.Description{
			Name: agent.Name, Version: agent.Version, Languages: agent.Languages, Capabilities: needs,
		}
	}
	export_wit_world.Answer = func(info parloir_agent_call.CallInfo) wit_world.Outcome {
		defer journalPanic()
		current = call(info)
		outcome, err := agent.Answer(current)
		if err != nil {
			return wit_world.MakeOutcomeFailed(err.Error())
		}
		switch outcome {
		case Done:
			return wit_world.MakeOutcomeDone()
		case Transferred:
			return wit_world.MakeOutcomeTransferred()
		case CallBack:
			return wit_world.MakeOutcomeCallBack()
		case Abandoned:
			return wit_world.MakeOutcomeAbandoned()
		case Failed:
			return wit_world.MakeOutcomeFailed("the agent gave no reason")
		}
		panic("an outcome that is none: " + strconv.Itoa(int(outcome)))
	}
}

func call(info parloir_agent_call.CallInfo) Call {
	settings := make(map[string]string, len(info.Settings))
	for _, setting := range info.Settings {
		settings[setting.F0] = strings.TrimSpace(setting.F1)
	}
	return Call{
		ID:        info.Id,
		Outbound:  info.Direction == parloir_agent_call.Direction_Outbound,
		Line:      info.Line,
		Caller:    info.Caller.Some(),
		Language:  info.Language,
		StartedAt: TimeFrom(info.StartedAt),
		settings:  settings,
	}
}

// journalPanic tells the call's journal what and where before the agent stops: afterwards nobody could.
func journalPanic() {
	reason := recover()
	if reason == nil {
		return
	}
	Error("panic: " + text(reason) + place())
	syscall.Exit(2)
}

// text is what a panic said, without package fmt.
func text(reason any) string {
	switch reason := reason.(type) {
	case error:
		return reason.Error()
	case string:
		return reason
	case interface{ String() string }:
		return reason.String()
	case int:
		return strconv.Itoa(reason)
	default:
		return "a value that is no text"
	}
}

// place is where in the author's code, innermost first.
func place() string {
	var counters [32]uintptr
	// Without Callers, place and journalPanic.
	frames := runtime.CallersFrames(counters[:runtime.Callers(3, counters[:])])
	var at strings.Builder
	for {
		frame, more := frames.Next()
		own := strings.HasPrefix(frame.Function, "runtime.") || strings.HasPrefix(frame.Function, "parloir.Main.") ||
			strings.HasPrefix(frame.Function, "parloir/internal/")
		if !own && frame.Function != "" {
			at.WriteString("\n  at " + frame.Function + " " + frame.File + ":" + strconv.Itoa(frame.Line))
		}
		if !more {
			return at.String()
		}
	}
}
