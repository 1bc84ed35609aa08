// Package documents is the tenant's documents, read-only.
package documents

import (
	"parloir"
	host "parloir/internal/contract/imports/parloir_agent_documents"
)

// Passage is a paragraph that was found.
type Passage struct {
	Document string
	Text     string
	// Score is higher where it fits better; comparable within one search only.
	Score float32
}

// List is the names of the documents.
func List() ([]string, error) { return parloir.Granted(host.List()) }

// Read is a whole document, up to 256 KiB.
func Read(name string) (string, error) { return parloir.Granted(host.Read(name)) }

// Search is the paragraphs that fit the words best, at most limit (1 to 20).
func Search(query string, limit int) ([]Passage, error) {
	found, err := parloir.Granted(host.Search(query, uint8(min(max(limit, 0), 255))))
	if err != nil {
		return nil, err
	}
	passages := make([]Passage, len(found))
	for i, passage := range found {
		passages[i] = Passage(passage)
	}
	return passages, nil
}
