package connectors

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"
)

// UID makes a finding's identifier out of the parts that tell it from others of the same
// asset, for sources that give none. Long ones are hashed.
func UID(parts ...string) string {
	const longest = 200
	uid := strings.Join(parts, "|")
	if len(uid) <= longest {
		return uid
	}
	sum := sha256.Sum256([]byte(uid))
	return hex.EncodeToString(sum[:16])
}

// RunID names a run that its report gives no name: the same report has the same one.
func RunID(connector string, started, finished time.Time, parts ...string) string {
	const stamp = "20060102T150405.000"
	return UID(append([]string{connector, started.Format(stamp), finished.Format(stamp)}, parts...)...)
}

// Time reads the time formats that scanners write, as UTC in whole milliseconds; zero for
// what is none of them, and for the years before 2000 with which some say "never".
func Time(text string) time.Time {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		const never = 2000
		if t.Year() < never {
			return time.Time{}
		}
		return t.UTC().Truncate(time.Millisecond)
	}
	return time.Time{}
}

// Mask hides a leaked secret and leaves enough of it to be found again.
func Mask(secret string) string {
	const shown, least = 4, 12
	if len(secret) < least {
		return "****"
	}
	return strings.ToValidUTF8(secret[:shown], "") + "****"
}

// secretish are the header lines and assignments whose values must not be stored.
var secretish = regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|cookie|set-cookie|x-api-key|api[_-]?key|access[_-]?token|(?:auth|secret|session)[_-]?(?:key|token|id)|password|passwd|pwd|secret|token)(["']?\s*[:=]\s*["']?)((?:basic|bearer|digest|negotiate)\s+)?[^\s"'&;,]+(?:;[^\r\n]*)?`)

// known are tokens that give themselves away: cloud and forge keys, JSON Web Tokens, and
// private keys.
var known = regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bey[A-Za-z0-9_-]{8,}\.ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)

// Redact hides the credentials in an excerpt of traffic, code or output. It can't know
// them all, so excerpts stay short and connectors leave out what a scanner calls a secret.
func Redact(text string) string {
	from := suspect(text)
	if from < 0 {
		return text
	}
	return text[:from] + known.ReplaceAllString(secretish.ReplaceAllString(text[from:], "$1$2[redacted]"), "[redacted]")
}

// Ident makes a vendor's text fit to be part of an identity: no control characters, no
// space around it, at most 512 bytes.
func Ident(text string) string {
	const longest = 512
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			text = strings.Map(func(c rune) rune {
				if c < ' ' || c == 0x7f {
					return -1
				}
				return c
			}, text)
			break
		}
	}
	text = strings.TrimSpace(text)
	if len(text) > longest {
		sum := sha256.Sum256([]byte(text))
		text = strings.ToValidUTF8(text[:longest-17], "") + "~" + hex.EncodeToString(sum[:8])
	}
	return text
}
