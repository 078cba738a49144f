package jira

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// commentPage and mostCommentPages bound how far back a comment is looked for.
const (
	commentPage      = 100
	mostCommentPages = 100
	longestComment   = 30000
)

// causeOf is what a comment's property holds.
type causeOf struct {
	Cause string `json:"cause"`
}

// footer is a comment's last line in Data Center, where not every version gives a
// comment's properties back. It counts on our own comments alone: anybody can write it.
func footer(cause string) string {
	sum := sha256.Sum256([]byte(cause))
	return "quell ref " + hex.EncodeToString(sum[:8])
}

// Comment implements connectors.Tracker. Jira repeats a repeated comment, so ours is looked
// for first, the newest comments before the older ones.
func (t *Tracker) Comment(ctx context.Context, key, text, cause string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	me, err := t.myself(ctx)
	if err != nil {
		return err
	}
	for page := range mostCommentPages {
		var answer struct {
			Comments []wireComment `json:"comments"`
		}
		query := url.Values{"orderBy": {"-created"}, "expand": {"properties"}, "startAt": {strconv.Itoa(page * commentPage)}, "maxResults": {strconv.Itoa(commentPage)}}
		err := t.client.get(ctx, "issue/"+segment(key)+"/comment", query, &answer)
		if fault.Is(err, fault.NotFound) {
			return t.missing(ctx, key)
		}
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading the comments of issue "+key)
		}
		for i := range answer.Comments {
			if t.said(&answer.Comments[i], t.who(me), cause) {
				return nil
			}
		}
		if len(answer.Comments) < commentPage {
			break
		}
	}
	return t.say(ctx, key, text, cause)
}

// said reports whether a comment is ours for a cause.
func (t *Tracker) said(c *wireComment, me, cause string) bool {
	if me == "" || t.who(c.Author) != me {
		return false
	}
	for _, p := range c.Properties {
		value, err := json.Marshal(p.Value)
		var held causeOf
		if err == nil && p.Key == propertyKey && json.Unmarshal(value, &held) == nil && held.Cause == cause {
			return true
		}
	}
	return !t.cloud && strings.HasSuffix(strings.TrimRight(wikiText(c.Body), "\r\n "), footer(cause))
}

func (t *Tracker) say(ctx context.Context, key, text, cause string) error {
	var body any
	if t.cloud {
		body = node{Type: "doc", Version: 1, Content: nodesOf(text, longestComment)}
	} else {
		body = wikiOf(text, longestComment) + "\n\n" + footer(cause)
	}
	in := map[string]any{"body": body, "properties": []entityProperty{{Key: propertyKey, Value: causeOf{cause}}}}
	err := t.client.call(ctx, http.MethodPost, "issue/"+segment(key)+"/comment", nil, in, nil)
	if fault.Is(err, fault.NotFound) {
		return t.missing(ctx, key)
	}
	return fault.Wrap(fault.KindOf(err), err, "commenting on issue "+key)
}

// Attach implements connectors.Attacher: once, since the name holds the content's hash.
func (t *Tracker) Attach(ctx context.Context, key string, file connectors.Attachment) error {
	if strings.ContainsAny(file.Name, "/\\\"\r\n") || file.Name == "" {
		return fault.New(fault.Invalid, "attaching a file to issue %s: its name can't be one", key)
	}
	is, err := t.fetch(ctx, key)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(is.Fields.Attachment, func(a gojira.Attachment) bool { return a.Filename == file.Name }) {
		return nil
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + file.Name + `"`}, "Content-Type": {or(file.Type, "application/octet-stream")},
	})
	if err == nil {
		_, err = part.Write(file.Body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fault.Wrap(fault.Internal, err, "encoding a file for Jira")
	}
	r, err := t.client.jira.NewRawRequestWithContext(ctx, http.MethodPost, t.client.prefix+"issue/"+segment(is.Key)+"/attachments", &form)
	if err != nil {
		return fault.New(fault.Internal, "encoding a file for Jira")
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("X-Atlassian-Token", "no-check") // Jira's guard against forged requests wants it
	if _, err := t.client.jira.Do(r, nil); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "attaching a file to issue "+key)
	}
	return nil
}
