package nexpose

import (
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
)

// scan is a <scan> of the report.
type scan struct {
	id, name, status string
	started, ended   time.Time
}

// moment reads "20210211T163822649": a time in UTC with milliseconds and no point.
func moment(text string) time.Time {
	const whole, millis = len("20060102T150405"), 3
	text = strings.TrimSpace(text)
	if len(text) == whole+millis {
		text = text[:whole] + "." + text[whole:]
		if t, err := time.Parse("20060102T150405.000", text); err == nil {
			return wire.Moment(t.Format(time.RFC3339Nano))
		}
	}
	return wire.Moment(text)
}

// flatten reads the current element to its end as text: paragraphs and list items begin
// lines, and a link's address follows its text. What goes beyond limit is left out.
func flatten(r *xmlpull.Reader, limit int) string {
	var out strings.Builder
	var links []string // of the open elements
	write := func(s string) {
		if out.Len()+len(s) <= limit {
			out.WriteString(s)
		}
	}
	for depth := r.Depth(); ; {
		switch r.Next() {
		case xmlpull.None:
			return tidy(out.String())
		case xmlpull.Start:
			links = append(links, string(r.Attr("LinkURL")))
			switch string(r.Name()) {
			case "Paragraph", "ContainerBlockElement", "UnorderedList", "OrderedList":
				write("\n")
			case "ListItem":
				write("\n- ")
			}
		case xmlpull.Text:
			write(string(r.Chunk()))
		case xmlpull.End:
			if r.Depth() < depth {
				return tidy(out.String())
			}
			if n := len(links); n > 0 {
				if link := links[n-1]; link != "" && !strings.HasSuffix(out.String(), link) {
					write(" (" + link + ")")
				}
				links = links[:n-1]
			}
		}
	}
}

// tidy joins the words of each line and drops empty lines, and items that begin with one.
func tidy(text string) string {
	var out []string
	item := false
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Join(strings.Fields(line), " ")
		switch {
		case line == "-":
			item = true
			continue
		case line == "":
			continue
		case item:
			line = "- " + line
		}
		item = false
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// mac writes a hardware address of twelve digits with colons.
func mac(text string) string {
	const digits = 12
	if len(text) != digits || strings.ContainsAny(text, ":-.") {
		return text
	}
	var out []string
	for i := 0; i < digits; i += 2 {
		out = append(out, text[i:i+2])
	}
	return strings.Join(out, ":")
}
