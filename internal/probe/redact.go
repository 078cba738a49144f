package probe

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
)

// maxEvidence is the most that one evidence blob holds, in bytes of JSON.
const maxEvidence = 64 << 10

const mark = "[redacted]"

// secretName is what settings, parameters and fields that hold secrets are called.
const secretName = `[A-Za-z0-9_.-]*(?:passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|session|auth|csrf|jwt|signature)[A-Za-z0-9_.-]*` //nolint:gosec // a pattern of names, none of them a secret

// patterns find secrets in requests, responses and URLs; each keeps what its first
// group caught.
var patterns = []*regexp.Regexp{
	// Private keys, whole or cut off.
	regexp.MustCompile(`(?s)(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----).*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)`),
	// Headers that carry credentials.
	regexp.MustCompile(`(?im)^((?:authorization|proxy-authorization|cookie|set-cookie2?|x-api-key|api-key|x-auth[a-z-]*|x-csrf[a-z-]*|x-xsrf[a-z-]*|x-amz-security-token|www-authenticate|authentication-info|[a-z0-9-]*(?:token|secret|session|password)[a-z0-9-]*)[ \t]*:[ \t]*)[^\r\n]+`),
	// Credentials in a URL.
	regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://)[^\s/@:"'<>]*:[^\s/@"'<>]*@`),
	// "name": "value" in JSON, also with escaped quotes.
	regexp.MustCompile(`(?is)(\\*["']` + secretName + `\\*["']\s*:\s*)(?:"(?:[^"\\]|\\.)*(?:"|\z)|\\+"(?:[^"\\]|\\+[^"\\])*(?:\\+"|\z)|\\*'[^']*(?:'|\z)|[^\s,}\]"'\\]+)`),
	// name=value in queries, forms, environments and configurations.
	regexp.MustCompile(`(?i)(\b` + secretName + `\s*=\s*)(?:"[^"\r\n]*"|'[^'\r\n]*'|[^\s&;"'<>,]+)`),
	// name: value in YAML and the like.
	regexp.MustCompile(`(?im)^(\s*` + secretName + `\s*:[ \t]+)[^\r\n]+`),
	// <name>value</name>.
	regexp.MustCompile(`(?i)(<` + secretName + `>)[^<]+`),
	// Tokens that are known by their form.
	regexp.MustCompile(`()\b(?:(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{30,}|sk_live_[A-Za-z0-9]{16,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)`),
	regexp.MustCompile(`(?i)(\b(?:bearer|basic)[ \t]+)[A-Za-z0-9+/=_.~-]{8,}`),
}

// redact takes credentials and private keys out of a text, and bytes that are not UTF-8.
func redact(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	for _, pattern := range patterns {
		text = pattern.ReplaceAllString(text, "${1}"+mark)
	}
	return text
}

// sealed is an evidence as it is stored: redacted, no longer than maxEvidence, with the
// hash that names it.
type sealed struct {
	sum  string
	body []byte
}

func seal(e exposure.Evidence) (sealed, error) {
	for _, field := range []*string{&e.Target, &e.Address, &e.Request, &e.Response, &e.Matcher, &e.Note} {
		*field = redact(clip(*field, 4*maxEvidence))
	}
	for {
		body, err := plainJSON(e)
		if err != nil {
			return sealed{}, err
		}
		if len(body) <= maxEvidence {
			return sealed{sum: digest(body), body: body}, nil
		}
		// Escaping makes the length hard to foretell, so the longest part is halved until it fits.
		longest := &e.Response
		for _, field := range []*string{&e.Request, &e.Matcher, &e.Note, &e.Target} {
			if len(*field) > len(*longest) {
				longest = field
			}
		}
		*longest = clip(*longest, len(*longest)/2)
	}
}

const clipped = "\n[cut]"

// clip cuts a text to at most n bytes and says so.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	n = max(n-len(clipped), 0)
	return strings.ToValidUTF8(text[:n], "") + clipped
}

func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return b.Bytes(), err
}
