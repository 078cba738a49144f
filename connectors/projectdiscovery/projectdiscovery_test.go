package projectdiscovery_test

import (
	"flag"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/projectdiscovery"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, projectdiscovery.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, projectdiscovery.Registration(), nil)
	}
	connectortest.Counts(t, projectdiscovery.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range projectdiscovery.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, projectdiscovery.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) {
	connectortest.Fuzz(f, projectdiscovery.Registration(), "projectdiscovery-asm")
}

func decode(t *testing.T, config any, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, projectdiscovery.Registration(), config, []byte(body))
	require.NoError(t, err)
	require.False(t, rec.Last().Complete, "a list of what was found proves no absence")
	return rec
}

func TestANameDoesNotOwnTheAddressesThatItResolvesTo(t *testing.T) {
	rec := decode(t, nil, `{"url":"https://www.quell-lab.net/","input":"www.quell-lab.net","host":"203.0.113.7","port":"443","a":["203.0.113.7"],"cname":["edge.example.net"],"status_code":200,"webserver":"nginx/1.2"}`)
	a := rec.Covered[0].Asset
	require.Equal(t, []asset.Identifier{{Kind: asset.FQDN, Value: "www.quell-lab.net"}}, a.Identifiers)
	require.Equal(t, []asset.Edge{
		{Kind: asset.EdgeResolvesTo, To: asset.Identifier{Kind: asset.FQDN, Value: "edge.example.net"}, ToKind: asset.Host, ToName: "edge.example.net", Note: "CNAME"},
		{Kind: asset.EdgeResolvesTo, To: asset.Identifier{Kind: asset.IP, Value: "203.0.113.7"}, ToKind: asset.Host, ToName: "203.0.113.7"},
	}, a.Edges)
	require.Equal(t, []asset.Service{{Port: 443, Protocol: "tcp", Name: "http", Product: "nginx", Version: "1.2", Tunnel: "ssl"}}, a.Services)
}

func TestASubdomainIsPartOfTheDomainThatWasAskedFor(t *testing.T) {
	a := decode(t, nil, `{"host":"a.quell-lab.net","input":"quell-lab.net","source":"x"}`).Covered[0].Asset
	require.Equal(t, asset.EdgePartOf, a.Edges[0].Kind)
	require.Equal(t, asset.Domain, a.Edges[0].ToKind)
	require.Empty(t, decode(t, nil, `{"host":"notquell-lab.net","input":"quell-lab.net","source":"x"}`).Covered[0].Asset.Edges)
}

func TestOnlyTheOperatorKnowsThatTheToolsRunOutside(t *testing.T) {
	const port = `{"ip":"203.0.113.8","port":22,"protocol":"tcp","tls":false}`
	require.Equal(t, asset.InternetUnknown, decode(t, nil, port).Covered[0].Asset.Internet)
	require.Equal(t, asset.InternetYes, decode(t, &projectdiscovery.Config{Internet: true}, port).Covered[0].Asset.Internet)
}

func TestWhatWasNotFoundIsPassedOver(t *testing.T) {
	rec := decode(t, nil, `{"url":"http://a.example.org","input":"a.example.org","failed":true}
{"host":"b.example.org","resolver":["192.0.2.1:53"],"status_code":"NXDOMAIN"}
{"template-id":"x","host":"c.example.org"}
{"something":"else"}`)
	require.Empty(t, rec.Covered)
	require.Equal(t, map[string]int{"probe_that_failed": 1, "name_that_does_not_resolve": 1, "result_of_nuclei": 1, "line_without_host": 1}, rec.Skipped)
}

func TestAJobHasToShowItsToken(t *testing.T) {
	in, err := projectdiscovery.Registration().Open(connectors.Env{Source: "x"}, &projectdiscovery.Config{PreviousSecret: secret.New("s3cret")})
	require.NoError(t, err)
	v, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	_, err = v.VerifyWebhook(http.Header{"Authorization": {"Bearer s3cret"}}, nil, time.Time{})
	require.NoError(t, err)
	_, err = v.VerifyWebhook(http.Header{"Authorization": {"Bearer other"}}, nil, time.Time{})
	require.Equal(t, fault.Denied, fault.KindOf(err))
}
