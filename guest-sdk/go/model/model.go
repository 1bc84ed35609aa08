// Package model is the language model that the operator configured, if any.
package model

import (
	"parloir"
	host "parloir/internal/contract/imports/parloir_agent_model"
	witTypes "parloir/internal/types"
)

// Tool is a function the model may ask for.
type Tool struct {
	Name        string
	Description string
	// Parameters is the JSON Schema of its arguments.
	Parameters string
}

// ToolCall is the model's asking for a tool.
type ToolCall struct {
	ID   string
	Name string
	// Arguments is JSON, as the model wrote it: check it.
	Arguments string
}

// Message is one of a conversation with the model: System, User, Assistant or ToolResult.
type Message interface{ message() host.Message }

// System is what the model is told about its part.
type System string

// User is what the caller said.
type User string

// Assistant is what the model answered, and the tools it asked for.
type Assistant struct {
	Text      string
	ToolCalls []ToolCall
}

// ToolResult is what a tool gave; ID is that of the tool call.
type ToolResult struct {
	ID      string
	Content string
}

func (m System) message() host.Message { return host.MakeMessageSystem(string(m)) }
func (m User) message() host.Message   { return host.MakeMessageUser(string(m)) }
func (m Assistant) message() host.Message {
	calls := make([]host.ToolCall, len(m.ToolCalls))
	for i, call := range m.ToolCalls {
		calls[i] = host.ToolCall{Id: call.ID, Name: call.Name, Arguments: call.Arguments}
	}
	return host.MakeMessageAssistant(host.AssistantMessage{Text: m.Text, ToolCalls: calls})
}
func (m ToolResult) message() host.Message {
	return host.MakeMessageTool(host.ToolResult{Id: m.ID, Content: m.Content})
}

// Chat is what is asked of the model.
type Chat struct {
	Messages []Message
	Tools    []Tool
	// MaxTokens of answer; 0 for the line's default.
	MaxTokens int
	// Temperature from 0 to 2; nil for the line's default.
	Temperature *float32
}

// Finish is why an answer ended.
type Finish uint8

const (
	// Complete: the model had no more to say.
	Complete Finish = iota
	// WantsTools: it asks for tools.
	WantsTools
	// Length: cut at MaxTokens.
	Length
	// Interrupted: the caller spoke or hung up.
	Interrupted
	// Filtered: the provider's own filter.
	Filtered
)

// Answer is the model's.
type Answer struct {
	Text         string
	ToolCalls    []ToolCall
	Finish       Finish
	InputTokens  int
	OutputTokens int
	// Model that answered, as its provider names it.
	Model string
}

// Available says whether the line has a model and the agent may use it.
func Available() bool { return host.Available() }

// Ask asks the model and waits for the whole answer. Refused: parloir.ErrNotPermitted without the
// capability parloir.Model; parloir.ErrOverQuota past the call's tokens; parloir.ErrUnavailable when no
// model is configured or all failed.
func Ask(chat Chat) (Answer, error) {
	answer, err := parloir.Granted(host.Chat(chat.host()))
	return answerFrom(answer), err
}

// Reply asks the model and speaks its answer as it is written. Put Heard.Text in the next message, not
// Answer.Text.
func Reply(chat Chat, changes ...parloir.Option) (parloir.Heard, Answer, error) {
	messages, options := chat.host()
	spoken, err := parloir.Granted(host.Reply(messages, options, parloir.SayOptionsFrom(changes)))
	return parloir.HeardFrom(spoken.Heard), answerFrom(spoken.Generated), err
}

func (c Chat) host() ([]host.Message, host.ChatOptions) {
	messages := make([]host.Message, len(c.Messages))
	for i, message := range c.Messages {
		messages[i] = message.message()
	}
	tools := make([]host.Tool, len(c.Tools))
	for i, tool := range c.Tools {
		tools[i] = host.Tool(tool)
	}
	temperature := witTypes.None[float32]()
	if c.Temperature != nil {
		temperature = witTypes.Some(*c.Temperature)
	}
	return messages, host.ChatOptions{MaxTokens: uint32(max(c.MaxTokens, 0)), Temperature: temperature, Tools: tools}
}

func answerFrom(a host.Answer) Answer {
	calls := make([]ToolCall, len(a.ToolCalls))
	for i, call := range a.ToolCalls {
		calls[i] = ToolCall{call.Id, call.Name, call.Arguments}
	}
	return Answer{a.Text, calls, Finish(a.Finish), int(a.Usage.InputTokens), int(a.Usage.OutputTokens), a.Model}
}
