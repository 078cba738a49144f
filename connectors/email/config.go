package email

import (
	"errors"
	"fmt"
	"net/mail"
	"os"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one mail server.
type Config struct {
	Host     string        `yaml:"host" json:"host,omitempty" doc:"Name of the mail server (submission)."`
	Port     int           `yaml:"port" json:"port,omitempty" doc:"Its port: 587 for starttls, 465 for tls."`
	Security string        `yaml:"security" json:"security,omitempty" doc:"starttls: the connection must become TLS before anything is said. tls: it is from the start. none: plain text, for a relay on this machine or network that wants no password."`
	CA       string        `yaml:"ca" json:"ca,omitempty" doc:"File of certificates (PEM) that the server's is checked against, where the system's don't know it."`
	User     string        `yaml:"user" json:"user,omitempty" doc:"User name, where the server wants one."`
	Password secret.String `yaml:"password" json:"password,omitzero" doc:"Its password."`
	From     string        `yaml:"from" json:"from,omitempty" doc:"Sender, as quell <quell@example.com>."`
	ReplyTo  string        `yaml:"reply_to" json:"reply_to,omitempty" doc:"Where answers go, if not to the sender. quell reads none."`
}

// How the connection is secured.
const (
	startTLS = "starttls"
	fullTLS  = "tls"
	plain    = "none"
)

func defaults() *Config { return &Config{Port: 587, Security: startTLS} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	say := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Host == "" || strings.ContainsAny(c.Host, "/ :\r\n") {
		say("host: wants the name of a mail server, without a port")
	}
	const mostPort = 65535
	if c.Port < 1 || c.Port > mostPort {
		say("port: is between 1 and 65535")
	}
	switch c.Security {
	case startTLS, fullTLS:
	case plain:
		if c.User != "" || !c.Password.Empty() {
			say("security: none would send the password in plain text; use starttls or tls")
		}
	default:
		say("security: is starttls, tls or none")
	}
	if (c.User == "") != c.Password.Empty() {
		say("password: and user go together")
	}
	if _, err := mail.ParseAddress(c.From); err != nil {
		say("from: wants an address, as quell <quell@example.com>")
	}
	if _, err := mail.ParseAddress(c.ReplyTo); c.ReplyTo != "" && err != nil {
		say("reply_to: wants an address")
	}
	if c.CA != "" {
		if _, err := os.Stat(c.CA); err != nil {
			problems = append(problems, errors.New("ca: there is no such file"))
		}
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant
	Needs: "An account at a mail server that may send as `from`, or a relay that trusts this machine.",
	Maps: "Each message is a mail in plain text and HTML, with the facts of its remediation. A team's address is its entry in `addresses`, or its `channel` where that is a mail address; a person's is their `email`. " +
		"Several recipients stand in one address with commas between them. `Message-ID` is made from the cause, and the mails of one remediation refer to the first, so that mail programs show them as one thread.",
	Fixed:    "It is told when something is fixed, and decides nothing.",
	Coverage: "Nothing: it takes messages, and reports on nothing.",
	Limits: "SMTP knows no repetitions: where it isn't known whether an attempt came through, the mail is sent again with the same `Message-ID`, which most servers and programs show once. " +
		"A recipient that the server refuses is shown as a bad address; one that bounces later is not noticed.",
	Example: `notifiers:
  - name: mail
    connector: email
    config:
      host: smtp.example.com
      user: quell
      password: ${env:SMTP_PASSWORD}
      from: quell <quell@example.com>
`,
}
