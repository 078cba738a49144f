package connectors

import "fmt"

// Error implements error: "nuclei JSONL, line 3 (byte 512): unexpected end".
func (e *SyntaxError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("reading %s, line %d (byte %d): %v", e.Format, e.Line, e.Offset, e.Err)
	}
	return fmt.Sprintf("reading %s at byte %d: %v", e.Format, e.Offset, e.Err)
}

// Unwrap gives what the parser said.
func (e *SyntaxError) Unwrap() error { return e.Err }
