package glpi

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

// The answers that agents expect, for those who take their calls. An agent that speaks XML
// asks with PROLOG first and sends its inventory if it is told to; one that speaks JSON
// asks with "contact". Both come again after the hours that are named.
const (
	PrologReply     = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<REPLY><PROLOG_FREQ>24</PROLOG_FREQ><RESPONSE>SEND</RESPONSE></REPLY>`
	InventoryReply  = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<REPLY></REPLY>`
	ContactReply    = `{"status":"ok","expiration":24,"tasks":{"inventory":{"server":"glpi","version":"10"}}}`
	InventoryAnswer = `{"status":"ok","expiration":24}`
	XMLType         = "application/xml"
	JSONType        = "application/json"
)

// Handshake says whether a body, which may be compressed, is a question of an agent that
// wants an answer and holds no inventory, and what to answer with.
func Handshake(body []byte) (reply, contentType string, ok bool) {
	plain, _ := inflated(bytes.NewReader(body))
	head := make([]byte, handshakeBytes)
	n := 0
	for n < len(head) {
		m, err := plain.Read(head[n:])
		n += m
		if err != nil {
			break
		}
	}
	head = head[:n]
	switch {
	case bytes.Contains(head, []byte("<QUERY>PROLOG</QUERY>")):
		return PrologReply, XMLType, true
	case contactAction.Match(head):
		return ContactReply, JSONType, true
	}
	return "", "", false
}

// handshakeBytes is more than a handshake has.
const handshakeBytes = 8 << 10

// VerifyWebhook implements connectors.WebhookVerifier: agents sign nothing and name no
// delivery, but can authenticate.
func (in *Instance) VerifyWebhook(header http.Header, _ []byte, _ time.Time) (string, error) {
	request := http.Request{Header: header}
	user, password, _ := request.BasicAuth()
	good := false
	for _, s := range []secret.String{in.config.Password, in.config.PreviousPassword} {
		good = !s.Empty() && s.Equal(password) || good
	}
	a, b := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(in.config.User))
	if !good || in.config.User == "" || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return "", fault.New(fault.Denied, "verifying an agent: user and password do not fit")
	}
	return "", nil
}

// Answer implements connectors.Answerer: an agent that asks whether it should send is told
// to, and one that has sent is told that it was heard.
func (in *Instance) Answer(_ http.Header, body []byte) (kind string, reply []byte, keep bool) {
	if reply, kind, ok := Handshake(body); ok {
		return kind, []byte(reply), false
	}
	plain, _ := inflated(bytes.NewReader(body))
	if head, _ := report.Peek(plain); report.IsJSON(head) {
		return JSONType, []byte(InventoryAnswer), true
	}
	return XMLType, []byte(InventoryReply), true
}
