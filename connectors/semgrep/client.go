package semgrep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf16"

	"github.com/quellsec/quell/connectors/signature"
)

// signed is how Semgrep signs its webhooks: over the body as Python's json.dumps writes it
// with the shortest separators, whatever the body looks like on the wire.
var signed = signature.HMAC{ //nolint:gochecknoglobals // a constant
	Header: "X-Semgrep-Signature-256", Hash: signature.SHA256, Encoding: signature.Hex,
	Message: func(_ http.Header, body []byte) [][]byte {
		if compact, ok := pythonJSON(body); ok {
			return [][]byte{body, compact}
		}
		return [][]byte{body}
	},
}

// VerifyWebhook implements connectors.WebhookVerifier.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	return signed.Verify(header, body, now, in.config.Secret, in.config.PreviousSecret)
}

// pythonJSON writes JSON as json.dumps(value, separators=(",", ":")) does: keys in their
// order, no spaces, everything but printable ASCII escaped. Numbers stay as they are.
func pythonJSON(body []byte) ([]byte, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	out := make([]byte, 0, len(body))
	var open []byte    // closing brackets of what is open
	var key, next bool // a key is due; something came before in this container
	for {
		token, err := d.Token()
		if err != nil {
			return out, errors.Is(err, io.EOF) && len(open) == 0 && len(out) > 0
		}
		delim, isDelim := token.(json.Delim)
		bracket := byte(delim) //nolint:gosec // one of four ASCII characters, or zero
		closing := isDelim && (delim == '}' || delim == ']')
		if next && !closing && (key || len(open) == 0 || open[len(open)-1] == ']') {
			out = append(out, ',')
		}
		switch {
		case closing:
			out = append(out, bracket)
			open = open[:len(open)-1]
			next = true
			key = len(open) > 0 && open[len(open)-1] == '}'
			continue
		case isDelim:
			out = append(out, bracket)
			open = append(open, bracket+2) // } and ] in ASCII
			next = false
			key = delim == '{'
			continue
		}
		if text, isText := token.(string); isText {
			out = quoted(out, text)
		} else {
			out = appendScalar(out, token)
		}
		if key {
			out = append(out, ':')
			key = false
			continue
		}
		next = true
		key = len(open) > 0 && open[len(open)-1] == '}'
	}
}

func appendScalar(out []byte, token json.Token) []byte {
	if token == nil {
		return append(out, "null"...)
	}
	return fmt.Append(out, token)
}

// quoted writes a text as Python does with ensure_ascii.
func quoted(out []byte, text string) []byte {
	out = append(out, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', byte(c))
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c == '\t':
			out = append(out, `\t`...)
		case c == '\b':
			out = append(out, `\b`...)
		case c == '\f':
			out = append(out, `\f`...)
		case c >= ' ' && c <= '~':
			out = append(out, byte(c))
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, c)
		}
	}
	return append(out, '"')
}
