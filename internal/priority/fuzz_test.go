package priority_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/priority"
)

func FuzzReadKEV(f *testing.F) {
	f.Add([]byte(catalogue))
	f.Add([]byte(catalogue[:100]))
	f.Add([]byte(`{"vulnerabilities":[[[[[[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		kev, err := priority.ReadKEV(bytes.NewReader(b))
		if err != nil {
			return
		}
		back, err := priority.UnmarshalKEV(kev.Marshal())
		require.NoError(t, err)
		require.Equal(t, kev.Digest(), back.Digest())
	})
}

func FuzzReadEPSS(f *testing.F) {
	f.Add([]byte(scores))
	f.Add([]byte("epss,cve\n\"0.1\",CVE-2024-1709\n"))
	f.Add([]byte("#score_date:x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		epss, err := priority.ReadEPSS(bytes.NewReader(b))
		if err != nil {
			return
		}
		back, err := priority.UnmarshalEPSS(epss.Marshal())
		require.NoError(t, err)
		require.Equal(t, epss.Digest(), back.Digest())
	})
}

func FuzzReadVulnrichment(f *testing.F) {
	f.Add([]byte(`{"cveMetadata":{"cveId":"CVE-2024-1709"},"containers":{"adp":[{"metrics":[{"other":{"type":"ssvc","content":{"options":[{"Exploitation":"none"}]}}}]}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := priority.ReadVulnrichment(bytes.NewReader(b))
		if err != nil {
			return
		}
		back, err := priority.UnmarshalAssessed(priority.NewAssessed([]priority.Points{p}).Marshal())
		require.NoError(t, err)
		require.Equal(t, 1, back.Len())
	})
}

func FuzzUnmarshal(f *testing.F) {
	kev, err := priority.ReadKEV(strings.NewReader(catalogue))
	require.NoError(f, err)
	epss, err := priority.ReadEPSS(strings.NewReader(scores))
	require.NoError(f, err)
	f.Add(kev.Marshal())
	f.Add(epss.Marshal())
	f.Add(priority.NewAssessed([]priority.Points{{CVE: 1 << 32, Automatable: priority.Yes}}).Marshal())
	f.Add([]byte("quell kev 1\n\x00\x00\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		// What is accepted is what Marshal would write, or at least means the same.
		if kev, err := priority.UnmarshalKEV(b); err == nil {
			again, err := priority.UnmarshalKEV(kev.Marshal())
			require.NoError(t, err)
			require.Equal(t, kev.Digest(), again.Digest())
		}
		if epss, err := priority.UnmarshalEPSS(b); err == nil {
			again, err := priority.UnmarshalEPSS(epss.Marshal())
			require.NoError(t, err)
			require.Equal(t, epss.Digest(), again.Digest())
		}
		if assessed, err := priority.UnmarshalAssessed(b); err == nil {
			require.LessOrEqual(t, assessed.Len(), len(b))
		}
	})
}
