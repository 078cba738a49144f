package glpi_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/glpi"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, glpi.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, glpi.Registration(), nil)
	}
	connectortest.Counts(t, glpi.Registration(), nil)
}

func TestGolden(t *testing.T) {
	for _, file := range []string{"computer.xml", "computer.json", "partial.json", "equipment.xml"} {
		connectortest.Golden(t, glpi.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, glpi.Registration(), "glpi") }

func sample(t *testing.T, file string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return body
}

func decode(t *testing.T, body []byte) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, glpi.Registration(), nil, body)
	require.NoError(t, err)
	return rec
}

func packed(t *testing.T, body []byte, to func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var out bytes.Buffer
	w := to(&out)
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func zlibbed(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }

func TestXMLAndJSONAndCompressedAreTheSameMachine(t *testing.T) {
	want := decode(t, sample(t, "computer.json")).Covered
	require.Equal(t, want, decode(t, sample(t, "computer.xml")).Covered)
	for name, to := range map[string]func(io.Writer) io.WriteCloser{"zlib": zlibbed, "gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }} {
		for _, file := range []string{"computer.xml", "computer.json"} {
			body := packed(t, sample(t, file), to)
			require.Equal(t, want, decode(t, body).Covered, name)
			require.Positive(t, glpi.Registration().Recognize(body, ""), name)
		}
	}
	require.Equal(t, time.Date(2026, 11, 20, 8, 0, 49, 0, time.UTC), want[0].Asset.SeenAt, "the machine's time with its offset")
}

func TestBrokenCompressionIsASyntaxErrorAndABrokenBodyIsNot(t *testing.T) {
	body := packed(t, sample(t, "computer.xml"), zlibbed)
	var syntax *connectors.SyntaxError
	for _, broken := range [][]byte{body[:len(body)/2], append(append([]byte{}, body[:20]...), bytes.Repeat([]byte{0xff}, 100)...), {0x78, 0x9c, 0xff, 0xff}} {
		_, err := connectortest.Decode(t, glpi.Registration(), nil, broken)
		require.ErrorAs(t, err, &syntax)
	}
	gone := errors.New("the connection broke")
	var rec connectortest.Recorder
	err := connectortest.Open(t, glpi.Registration(), nil).Decode(t.Context(), io.MultiReader(bytes.NewReader(body[:len(body)/2]), iotest.ErrReader(gone)), &rec)
	require.ErrorIs(t, err, gone)
	require.NotErrorAs(t, err, &syntax, "the body may be sound")
	require.Empty(t, rec.Covered, "half an inventory is none")
}

func TestWhatManyMachinesShareIsNoIdentity(t *testing.T) {
	host := decode(t, sample(t, "computer.xml")).Covered[0].Asset
	for _, id := range host.Identifiers {
		require.NotContains(t, []string{"127.0.0.1", "172.17.0.1", "02:42:ab:00:00:01"}, id.Value)
	}
	require.Equal(t, []asset.OwnerHint{{Value: "field-team", From: "tag"}, {Value: "ann", From: "last logged user"}}, host.OwnerHints, "root is nobody")
	text, err := json.Marshal(host)
	require.NoError(t, err)
	require.NotContains(t, string(text), "invented-secret", "the environment isn't read")
}

func TestAPartialInventoryIsOfTheSameMachineAndSaysThatItIsAPart(t *testing.T) {
	whole, part := decode(t, sample(t, "computer.json")), decode(t, sample(t, "partial.json"))
	require.Equal(t, whole.Covered[0].Asset.Identifiers[0], part.Covered[0].Asset.Identifiers[0])
	require.Equal(t, exposure.RunEvent, part.Last().Kind)
	require.Equal(t, "a part of one machine's inventory", part.Last().Why)
	require.False(t, part.Covered[0].Asset.Gone)
}

func TestAHandshakeIsAnsweredAndIsNoInventory(t *testing.T) {
	prolog := []byte(`<?xml version="1.0"?><REQUEST><DEVICEID>x</DEVICEID><QUERY>PROLOG</QUERY><TOKEN>12345678</TOKEN></REQUEST>`)
	contact := []byte(`{"action": "contact","deviceid":"x","name":"GLPI-Agent","version":"1.11","installed-tasks":["inventory"]}`)
	for _, body := range [][]byte{prolog, packed(t, prolog, zlibbed)} {
		reply, kind, ok := glpi.Handshake(body)
		require.True(t, ok)
		require.Equal(t, glpi.PrologReply, reply)
		require.Equal(t, glpi.XMLType, kind)
	}
	reply, _, ok := glpi.Handshake(contact)
	require.True(t, ok)
	require.True(t, json.Valid([]byte(reply)))
	for _, file := range []string{"computer.xml", "computer.json", "partial.json"} {
		_, _, ok := glpi.Handshake(sample(t, file))
		require.False(t, ok, file)
	}
	for _, body := range [][]byte{prolog, contact} {
		_, err := connectortest.Decode(t, glpi.Registration(), nil, body)
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax)
	}
}

func TestAgentsShowTheirPassword(t *testing.T) {
	verify := func(user, password string, config *glpi.Config) error {
		in, err := glpi.Registration().Open(connectors.Env{Source: "x"}, config)
		require.NoError(t, err)
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		v, ok := in.(connectors.WebhookVerifier)
		require.True(t, ok)
		_, err = v.VerifyWebhook(r.Header, nil, time.Unix(0, 0))
		return err
	}
	config := &glpi.Config{User: "agent", Password: secret.New("new"), PreviousPassword: secret.New("old")}
	require.NoError(t, verify("agent", "new", config))
	require.NoError(t, verify("agent", "old", config))
	for name, err := range map[string]error{"password": verify("agent", "x", config), "user": verify("root", "new", config), "nothing configured": verify("", "", &glpi.Config{}), "no user configured": verify("", "p", &glpi.Config{Password: secret.New("p")})} {
		require.True(t, fault.Is(err, fault.Denied), name)
	}
	require.Len(t, (&glpi.Config{User: "agent"}).Validate(), 1)
	require.True(t, strings.HasPrefix(glpi.InventoryReply, "<?xml"))
}
