package marked

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
)

// The fields that a person may override, as connectors.Issue calls them.
const (
	Title    = "title"
	Priority = "priority"
	Due      = "due"
	Assignee = "assignee"
)

// Change is what an update of an issue comes to.
type Change struct {
	Write      map[string]string // the fields to be written, with their values
	Overridden []string          // those that a person has changed: left alone
	Written    map[string]string // what a block is to say that we wrote
}

// Decide compares an issue's fields as they are with what they should be and with what we
// last wrote. What isn't as we wrote it was changed by a person, and stays so until they
// put it back, or until it is what we want anyway. Of a field of which we don't know what we
// wrote, because the block was deleted or edited, the same is assumed where it isn't what we
// want: better a stale title than a person's one lost. Fields that the vendor doesn't have
// are in none of the maps; left names more that stay as they are.
func Decide(have, want, written map[string]string, left []string) Change {
	c := Change{Write: map[string]string{}, Written: map[string]string{}}
	for _, field := range []string{Title, Priority, Due, Assignee} {
		is, ok := have[field]
		if !ok {
			continue
		}
		last, known := written[field]
		switch {
		case is == want[field]:
			c.Written[field] = is
		case known && is == last && !slices.Contains(left, field):
			c.Write[field], c.Written[field] = want[field], want[field]
		default:
			c.Overridden = append(c.Overridden, field)
			if known {
				c.Written[field] = last
			}
		}
	}
	return c
}

// Changed names the fields that aren't as we last wrote them.
func Changed(have, written map[string]string) []string {
	var out []string
	for _, field := range []string{Title, Priority, Due, Assignee} {
		is, ok := have[field]
		if last, known := written[field]; ok && known && is != last {
			out = append(out, field)
		}
	}
	return out
}

// Bucket is two hexadecimal digits of a marker: a label with them narrows a list of issues to
// a 256th, without a label for each remediation, which nobody could read any more.
func Bucket(marker string) string {
	sum := sha256.Sum256([]byte(marker))
	return hex.EncodeToString(sum[:1])
}

var causes = regexp.MustCompile(`quell:cause ([0-9a-f]{32})`)

func causeSum(cause string) string {
	sum := sha256.Sum256([]byte("quell cause\x00" + cause))
	return hex.EncodeToString(sum[:16])
}

// Comment gives a comment's text with its cause, unseen where the style can hide it. What the
// text itself says of causes is made harmless.
func (s Style) Comment(text, cause string) string {
	text = causes.ReplaceAllString(text, "quell:cause\u200b $1")
	return text + "\n\n" + s.open + "quell:cause " + causeSum(cause) + s.close
}

// Says reports whether a comment is the one of a cause.
func Says(comment, cause string) bool {
	found := causes.FindStringSubmatch(comment)
	return len(found) == 2 && found[1] == causeSum(cause)
}
