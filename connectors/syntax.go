package connectors

import "fmt"

// Error implements error: "reading nuclei JSON, line 3 (byte 512): unexpected EOF". What
// it quotes of the input is without credentials.
func (e *SyntaxError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("reading %s, line %d (byte %d): %s", e.Format, e.Line, e.Offset, Redact(e.Err.Error()))
	}
	return fmt.Sprintf("reading %s at byte %d: %s", e.Format, e.Offset, Redact(e.Err.Error()))
}

// Unwrap gives what the parser said.
func (e *SyntaxError) Unwrap() error { return e.Err }
