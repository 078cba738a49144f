// Package email tells teams and people by mail, over SMTP.
package email

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/prose"
	"github.com/quellsec/quell/internal/fault"
)

// Name is the connector's name.
const Name = "email"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "E-mail", Summary: "Sends messages by SMTP, in plain text and HTML.",
		Config: func() any { return defaults() }, Open: open, API: "SMTP (RFC 5321), STARTTLS or TLS",
		Reach: func(config any) []string {
			if c, ok := config.(*Config); ok && c.Host != "" {
				return []string{net.JoinHostPort(c.Host, strconv.Itoa(c.Port))}
			}
			return nil
		},
		Docs: docs,
	}
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening %s: the configuration is a %T", Name, config)
	}
	m := &Mailer{config: *c, now: env.Now, offline: env.HTTP == nil}
	if m.now == nil {
		m.now = time.Now
	}
	return m, nil
}

// Mailer is one mail server.
type Mailer struct {
	config  Config
	now     func() time.Time
	offline bool
}

// Connector implements connectors.Instance.
func (*Mailer) Connector() string { return Name }

// Accepts implements connectors.Addressed: an address is one mail address, or several with
// commas between them.
func (*Mailer) Accepts(address string) bool {
	_, err := recipients(address)
	return err == nil
}

// mostRecipients is how many one address may name.
const mostRecipients = 50

func recipients(address string) ([]*mail.Address, error) {
	list, err := mail.ParseAddressList(address)
	if err != nil || len(list) > mostRecipients {
		return nil, fault.New(fault.NotFound, "sending mail: %q is no mail address", prose.Cut(prose.Line(address), 100))
	}
	for _, a := range list {
		if strings.ContainsAny(a.Address, "\r\n\x00 <>") || len(a.Address) > 254 {
			return nil, fault.New(fault.NotFound, "sending mail: %q is no mail address", prose.Cut(prose.Line(address), 100))
		}
	}
	return list, nil
}

// Notify implements connectors.Notifier.
func (m *Mailer) Notify(ctx context.Context, msg connectors.Message) error {
	_, err := m.Post(ctx, msg, connectors.Attempt{To: msg.To})
	return err
}

// Post implements connectors.Poster. A repetition has the same Message-ID.
func (m *Mailer) Post(ctx context.Context, msg connectors.Message, at connectors.Attempt) (connectors.Ref, error) {
	if m.offline {
		return "", fault.New(fault.Invalid, "sending mail: there is no network here")
	}
	to, err := recipients(at.To)
	if err != nil {
		return "", err
	}
	from, err := mail.ParseAddress(m.config.From)
	if err != nil {
		return "", fault.New(fault.Invalid, "sending mail: from is no mail address")
	}
	id := messageID(msg.Cause, at.To, from.Address)
	body, err := m.compose(&msg, from, to, id, string(at.Head))
	if err != nil {
		return "", err
	}
	return connectors.Ref(id), m.send(ctx, from.Address, to, body)
}

// Check implements connectors.Checker: whether the server takes us.
func (m *Mailer) Check(ctx context.Context) []error {
	if m.offline {
		return []error{errors.New("there is no network here")}
	}
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := m.dial(ctx)
	if err != nil {
		return []error{err}
	}
	if err := c.Quit(); err != nil {
		return []error{kinded(err, "saying goodbye to the mail server")}
	}
	return nil
}
