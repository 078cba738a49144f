package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"html"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/prose"
	"github.com/quellsec/quell/internal/fault"
)

const (
	mostSubject = 200
	mostText    = 256 << 10
)

// messageID names a mail: once for each cause and address.
func messageID(cause, to, from string) string {
	_, domain, _ := strings.Cut(from, "@")
	return "<" + sum(cause, to) + "@" + domain + ">"
}

func sum(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(h[:16])
}

// compose writes a mail. Everything that comes from elsewhere is encoded, or was parsed as
// an address: no text can begin a header of its own.
func (m *Mailer) compose(msg *connectors.Message, from *mail.Address, to []*mail.Address, id, head string) ([]byte, error) {
	var b bytes.Buffer
	header := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	header("From", from.String())
	names := make([]string, len(to))
	for i, a := range to {
		names[i] = a.String()
	}
	header("To", strings.Join(names, ",\r\n "))
	if reply, err := mail.ParseAddress(m.config.ReplyTo); err == nil {
		header("Reply-To", reply.String())
	}
	header("Subject", encoded(msg.Subject))
	header("Date", m.now().UTC().Format(time.RFC1123Z))
	header("Message-ID", id)
	if root := threadHead(head); root != "" && root != id {
		header("In-Reply-To", root)
		header("References", root)
	}
	header("Auto-Submitted", "auto-generated")
	if msg.Urgent {
		header("Importance", "high")
	}
	header("MIME-Version", "1.0")
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary("quell-" + sum(id, "boundary")); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "writing a mail")
	}
	header("Content-Type", `multipart/alternative; boundary="`+w.Boundary()+`"`)
	b.WriteString("\r\n")
	for _, part := range []struct{ kind, text string }{{"text/plain", plainBody(msg)}, {"text/html", htmlBody(msg)}} {
		if err := write(w, part.kind, part.text); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "writing a mail")
		}
	}
	if err := w.Close(); err != nil { // writes the last boundary
		return nil, fault.Wrap(fault.Internal, err, "writing a mail")
	}
	return b.Bytes(), nil
}

// encoded is a text as a header's value: on lines short enough, which begin with a space.
func encoded(text string) string {
	return strings.ReplaceAll(mime.QEncoding.Encode("utf-8", prose.Cut(prose.Line(text), mostSubject)), "?= =?", "?=\r\n =?")
}

// threadHead is the Message-ID of the first mail of a thread, if it is one.
func threadHead(ref string) string {
	if len(ref) > 300 || !strings.HasPrefix(ref, "<") || !strings.HasSuffix(ref, ">") || strings.ContainsAny(ref, " \r\n\t") {
		return ""
	}
	return ref
}

func write(w *multipart.Writer, kind, text string) error {
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
	if err != nil {
		return err //nolint:wrapcheck // said by the caller
	}
	q := quotedprintable.NewWriter(part)
	if _, err := q.Write([]byte(text)); err != nil {
		return err //nolint:wrapcheck // likewise
	}
	return q.Close() //nolint:wrapcheck // likewise
}

func plainBody(m *connectors.Message) string {
	var b strings.Builder
	b.WriteString(prose.Cut(prose.Plain(m.Text), mostText) + "\n")
	if facts := prose.Facts(m.Card); len(facts) > 0 {
		b.WriteString("\n")
		for _, f := range facts {
			b.WriteString(f.Name + ": " + prose.Line(f.Value) + "\n")
		}
	}
	for _, l := range prose.Links(m) {
		b.WriteString("\n" + l.Name + ": " + l.Value)
	}
	return b.String() + "\n"
}

func htmlBody(m *connectors.Message) string {
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html><head><meta charset=\"utf-8\"></head><body style=\"font-family:sans-serif;max-width:42em\">\n<h2>" +
		html.EscapeString(prose.Line(m.Subject)) + "</h2>\n" + prose.HTML(prose.Cut(m.Text, mostText)))
	if facts := prose.Facts(m.Card); len(facts) > 0 {
		b.WriteString("<table>\n")
		for _, f := range facts {
			b.WriteString("<tr><th align=\"left\" valign=\"top\">" + html.EscapeString(f.Name) + "</th><td>" + html.EscapeString(prose.Line(f.Value)) + "</td></tr>\n")
		}
		b.WriteString("</table>\n")
	}
	for _, l := range prose.Links(m) {
		b.WriteString("<p><a href=\"" + html.EscapeString(l.Value) + "\">" + html.EscapeString(prose.Line(l.Name)) + "</a></p>\n")
	}
	return b.String() + "</body></html>\n"
}
