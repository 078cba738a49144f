package qualys

import (
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
)

// The roots of the API's documents, and of our own around them.
const (
	detectionList = "HOST_LIST_VM_DETECTION_OUTPUT"
	hostList      = "HOST_LIST_OUTPUT"
	knowledgeBase = "KNOWLEDGE_BASE_VULN_LIST_OUTPUT"
	// envelope holds what one page of a sync is: the knowledge base of its QIDs, then its
	// detections, so that a stream can be joined.
	envelope = "quell-qualys"
)

// Limits of one element, in bytes.
const (
	largestField   = 1 << 20
	largestFinding = 4 << 20
)

// layouts are the notations of time in reports that wire.Moment doesn't know.
var layouts = [...]string{"02 Jan 2006 03:04PM GMT-0700", "02 Jan 2006 03:04 PM GMT-0700", "Jan 02, 2006 03:04 PM", "Jan 2, 2006 03:04 PM", "01/02/2006 15:04:05", "01/02/2006 at 15:04:05 (GMT-0700)", "02 Jan 2006"}

// moment reads a time of any of Qualys' documents.
func moment(text string) time.Time {
	if t := wire.Moment(text); !t.IsZero() {
		return t
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// fields are the children of an element that were read whole, before those that are
// streamed.
type fields struct{ *xmlpull.Node }

func newFields(r *xmlpull.Reader) fields {
	n := &xmlpull.Node{Name: string(r.Name())}
	for i := range r.NumAttr() {
		name, value := r.AttrAt(i)
		n.Attrs = append(n.Attrs, xmlpull.NodeAttr{Name: string(name), Value: string(value)})
	}
	return fields{n}
}

// take reads the current element into the fields. Of very many it keeps the first.
func (f fields) take(r *xmlpull.Reader) {
	const most = 256
	n, whole := r.Tree(largestField)
	if whole && len(f.Children) < most {
		f.Children = append(f.Children, n)
	}
}

// first is the text of the first of the paths that has one. What Qualys writes for none is
// none.
func first(n *xmlpull.Node, paths ...string) string {
	for _, path := range paths {
		if s := n.Get(path); !none(s) {
			return s
		}
	}
	return ""
}

// none knows what stands for no value.
func none(text string) bool {
	switch strings.ToLower(strings.Trim(text, "'. \t\r\n")) {
	case "", "-", "n/a", "na", "none", "null", "not applicable", "not  applicable":
		return true
	}
	return false
}
