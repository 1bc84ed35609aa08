// Package connectors is services of the tenant's own, such as a customer file. An agent names a connector,
// never an address; the host adds the credentials, which the agent never sees.
package connectors

import (
	"parloir"
	host "parloir/internal/contract/imports/parloir_agent_connectors"
	witTypes "parloir/internal/types"
)

// Method is that of a request.
type Method uint8

// The methods there are.
const (
	MethodGet Method = iota
	MethodPost
	MethodPut
	MethodPatch
	MethodDelete
)

// Pair is a name and a value of a query.
type Pair struct{ Name, Value string }

// Request is what is sent.
type Request struct {
	// Connector is its name: "crm".
	Connector string
	Method    Method
	// Path is below the connector's address: "customers/42".
	Path string
	// Query is encoded by the host.
	Query []Pair
	// Body is JSON; empty for a request without a body.
	Body string
}

// Answer is the service's, whatever its status.
type Answer struct {
	// Status is that of HTTP. A redirect is one, and is not followed.
	Status int
	Body   string
}

// OK says whether the service did what was asked: a status from 200 to 299.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status <= 299 }

// List is the names of the connectors that the line grants.
func List() []string { return host.List() }

// Send sends a request and waits for its answer. Refused: parloir.ErrNotPermitted for a connector or a method
// that is not granted; parloir.ErrInvalid for a request that cannot be sent, or an answer that is too long or
// no UTF-8; parloir.ErrUnavailable where there is no answer in time.
func Send(request Request) (Answer, error) {
	query := make([]witTypes.Tuple2[string, string], len(request.Query))
	for i, pair := range request.Query {
		query[i] = witTypes.Tuple2[string, string]{F0: pair.Name, F1: pair.Value}
	}
	body := witTypes.None[string]()
	if request.Body != "" {
		body = witTypes.Some(request.Body)
	}
	answer, err := parloir.Granted(host.Send(host.Request{
		Connector: request.Connector, Method: uint8(request.Method), Path: request.Path, Query: query, Body: body,
	}))
	return Answer{int(answer.Status), answer.Body}, err
}

// Get asks for what stands at path below the connector's address, as Send.
func Get(connector, path string, query ...Pair) (Answer, error) {
	return Send(Request{Connector: connector, Path: path, Query: query})
}

// Post sends JSON to what stands at path below the connector's address, as Send.
func Post(connector, path, body string) (Answer, error) {
	return Send(Request{Connector: connector, Method: MethodPost, Path: path, Body: body})
}
