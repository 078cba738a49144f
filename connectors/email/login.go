package email

import (
	"errors"
	"net/smtp"
	"strings"

	"github.com/quellsec/quell/internal/secret"
)

// login is AUTH LOGIN, which some servers offer in place of PLAIN: they ask for the user's
// name, then for the password.
type login struct {
	user     string
	password secret.String
	asked    int
}

// Start implements smtp.Auth.
func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS {
		return "", nil, errors.New("the connection is in plain text")
	}
	return "LOGIN", nil, nil
}

// Next implements smtp.Auth.
func (l *login) Next(question []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	l.asked++
	switch word := strings.ToLower(string(question)); {
	case strings.HasPrefix(word, "user") && l.asked == 1:
		return []byte(l.user), nil
	case strings.HasPrefix(word, "pass") && l.asked == 2:
		return []byte(l.password.Reveal()), nil
	}
	return nil, errors.New("the server asks for something else than a name and a password")
}
