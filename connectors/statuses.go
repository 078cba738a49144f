package connectors

import (
	"strings"

	"github.com/quellsec/quell/internal/exposure"
)

// Statuses maps a vendor's words for the state of a finding, in lower case, to what they
// mean. It is data, so that it can be documented, and so that a test can hold it against
// the words that look like fixes and are none.
type Statuses map[string]exposure.Status

// Of gives the meaning of a word. One that is not in the table reads as open: a new word
// of a vendor's must never close anything.
func (s Statuses) Of(word string) exposure.Status {
	if status, known := s[strings.ToLower(strings.TrimSpace(word))]; known {
		return status
	}
	return exposure.StatusOpen
}
