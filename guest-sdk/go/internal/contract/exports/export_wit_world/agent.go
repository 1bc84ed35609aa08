// Package export_wit_world is where the generated exports look for the agent.
package export_wit_world

import (
	"parloir/internal/contract/imports/parloir_agent_call"
	"parloir/internal/contract/imports/wit_world"
)

// Describe and Answer are the agent, put here by package parloir.
var (
	Describe func() wit_world.Description
	Answer   func(parloir_agent_call.CallInfo) wit_world.Outcome
)
