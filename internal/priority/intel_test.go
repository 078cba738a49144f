package priority_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/priority"
)

const catalogue = `{"title":"KEV","catalogVersion":"2025.08.25","dateReleased":"2025-08-25T17:04:19.9796Z","count":2,"extra":{"a":[1]},"vulnerabilities":[
	{"cveID":"CVE-2024-1709","dateAdded":"2024-02-22","dueDate":"2024-02-29","knownRansomwareCampaignUse":"Known","notes":"x"},
	{"cveID":"CVE-2021-44228","dateAdded":"2021-12-10","dueDate":"","knownRansomwareCampaignUse":"Unknown"}]}`

func readKEV(tb testing.TB, text string) *priority.KEV {
	tb.Helper()
	kev, err := priority.ReadKEV(strings.NewReader(text))
	require.NoError(tb, err)
	return kev
}

func cve(tb testing.TB, text string) priority.CVE {
	tb.Helper()
	c, ok := priority.ParseCVE(text)
	require.True(tb, ok, text)
	return c
}

func TestCVEs(t *testing.T) {
	for text, want := range map[string]string{
		"CVE-2024-1709": "CVE-2024-1709", "cve-1999-0001": "CVE-1999-0001", "CVE-2021-44228": "CVE-2021-44228", "CVE-2024-1000000000": "CVE-2024-1000000000",
	} {
		require.Equal(t, want, cve(t, text).String())
	}
	for _, text := range []string{
		"", "CVE-2024", "CVE-2024-", "CVE-2024-1", "CVE-2024-001", "CVE-2024-00001", "CVE-24-00010", "CVE-2024-17o9", "CVE-2024-99999999999", "CVE_2024_1709", "XVE-2024-1709", "CVE-0000-0001", "CVE-+024-0001", "CVE-2024-+123", " CVE-2024-1709",
	} {
		_, ok := priority.ParseCVE(text)
		require.False(t, ok, text)
	}
	require.Less(t, cve(t, "CVE-2023-99999"), cve(t, "CVE-2024-0001"), "they sort by year")
}

func TestAKEVCatalogueIsRead(t *testing.T) {
	kev := readKEV(t, catalogue)
	require.Equal(t, 2, kev.Len())
	require.Equal(t, "2025.08.25", kev.Version)
	require.Equal(t, time.Date(2025, 8, 25, 17, 4, 19, 979e6, time.UTC), kev.Released)
	e, ok := kev.Find(cve(t, "CVE-2024-1709"))
	require.True(t, ok)
	require.Equal(t, priority.KEVEntry{
		CVE: cve(t, "CVE-2024-1709"), Added: time.Date(2024, 2, 22, 0, 0, 0, 0, time.UTC), Due: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), Ransomware: true,
	}, e)
	_, ok = kev.Find(cve(t, "CVE-2024-1710"))
	require.False(t, ok)
}

func TestADoubtfulKEVCatalogueIsRefused(t *testing.T) {
	entry := `{"cveID":"CVE-2024-1709","dateAdded":"2024-02-22"}`
	wrap := func(count int, entries string) string {
		return fmt.Sprintf(`{"catalogVersion":"1","dateReleased":"2025-08-25T17:04:19Z","count":%d,"vulnerabilities":[%s]}`, count, entries)
	}
	require.NotNil(t, readKEV(t, wrap(1, entry)))
	for name, text := range map[string]string{
		"empty":               "",
		"another JSON":        `{"a":1}`,
		"a list":              `[]`,
		"cut short":           catalogue[:len(catalogue)-40],
		"a wrong count":       wrap(2, entry),
		"a CVE twice":         wrap(2, entry+","+entry),
		"not a CVE":           wrap(1, `{"cveID":"GHSA-1","dateAdded":"2024-02-22"}`),
		"no date":             wrap(1, `{"cveID":"CVE-2024-1709"}`),
		"a bad due date":      wrap(1, `{"cveID":"CVE-2024-1709","dateAdded":"2024-02-22","dueDate":"soon"}`),
		"entries as text":     wrap(0, "") + `x`,
		"a second catalogue":  wrap(0, "") + wrap(0, ""),
		"two lists":           `{"catalogVersion":"1","dateReleased":"2025-08-25T17:04:19Z","count":0,"vulnerabilities":[],"vulnerabilities":[]}`,
		"no release date":     `{"catalogVersion":"1","count":0,"vulnerabilities":[]}`,
		"a version too long":  strings.Replace(wrap(0, ""), `"1"`, `"`+strings.Repeat("1", 100)+`"`, 1),
		"a negative count":    wrap(-1, ""),
		"an object for a lot": `{"vulnerabilities":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := priority.ReadKEV(strings.NewReader(text))
			require.ErrorContains(t, err, "reading a KEV catalogue near byte")
		})
	}
}

func TestAnEndlessCatalogueIsCutOff(t *testing.T) {
	_, err := priority.ReadKEV(&endless{head: `{"title":"`})
	require.ErrorContains(t, err, "larger than anything")
	_, err = priority.ReadEPSS(&endless{head: "cve,epss\n", line: "CVE-2024-1709,0.5\n"})
	require.Error(t, err)
	_, err = priority.ReadEPSS(&endless{head: "cve,epss\n"})
	require.ErrorContains(t, err, "too long", "a line without an end")
}

// endless is a body that never ends.
type endless struct {
	head, line string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.head != "" {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.line == "" {
		for i := range p {
			p[i] = 'x'
		}
		return len(p), nil
	}
	n := 0
	for n+len(e.line) <= len(p) {
		n += copy(p[n:], e.line)
	}
	if n == 0 {
		n = copy(p, e.line[:1])
	}
	return n, nil
}

const scores = "#model_version:v2025.03.14,score_date:2025-08-25T12:55:00Z\ncve,epss,percentile\nCVE-2024-1709,0.94444,0.99999\nCVE-1999-0001,0.01234,0.5\n"

func readEPSS(tb testing.TB, text string) *priority.EPSS {
	tb.Helper()
	epss, err := priority.ReadEPSS(strings.NewReader(text))
	require.NoError(tb, err)
	return epss
}

func TestEPSSScoresAreRead(t *testing.T) {
	for name, text := range map[string]string{
		"as FIRST writes them":          scores,
		"with the line ends of Windows": strings.ReplaceAll(scores, "\n", "\r\n"),
		"columns in another order, with quotes": "#score_date:2025-08-25T12:55:00+0000,model_version:v2025.03.14\n" +
			"note,epss,cve\n\"a,b\",0.94444,CVE-2024-1709\n,0.01234,CVE-1999-0001\n,,CVE-2000-0001\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			epss := readEPSS(t, text)
			require.Equal(t, 2, epss.Len())
			require.Equal(t, "v2025.03.14", epss.Model)
			require.Equal(t, time.Date(2025, 8, 25, 12, 55, 0, 0, time.UTC), epss.Scored)
			p, ok := epss.Find(cve(t, "CVE-2024-1709"))
			require.True(t, ok)
			require.InDelta(t, 0.94444, p, 1e-6)
			_, ok = epss.Find(cve(t, "CVE-2000-0001"))
			require.False(t, ok)
		})
	}
	require.Equal(t, 1, readEPSS(t, "cve,epss\nCVE-2024-1709,0.5\nCVE-2024-1709,0.5\n").Len(), "the same twice is once")
}

func TestDoubtfulEPSSScoresAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ text, why string }{
		"empty":             {"", "no header"},
		"another CSV":       {"a,b\n1,2\n", "line 1: the header"},
		"a probability > 1": {"cve,epss\nCVE-2024-1709,1.5\n", "line 2"},
		"not a number":      {"cve,epss\nCVE-2024-1709,NaN\n", "line 2"},
		"a negative one":    {"cve,epss\nCVE-2024-1709,-0.1\n", "line 2"},
		"no CVE":            {"cve,epss\n\nfoo,0.1\n", "most rows name no CVE"},
		"too few columns":   {"cve,epss,percentile\nCVE-2024-1709,0.1\n", "2 columns where the header has 3"},
		"two scores":        {"cve,epss\nCVE-2024-1709,0.1\nCVE-2024-1709,0.2\n", "has two scores"},
		"a bad date":        {"#score_date:yesterday\ncve,epss\n", "line 1"},
		"a torn quote":      {"cve,epss\n\"CVE-2024-1709,0.1\n", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := priority.ReadEPSS(strings.NewReader(tt.text))
			require.ErrorContains(t, err, tt.why)
		})
	}
}

func TestVulnrichmentIsRead(t *testing.T) {
	record := `{"cveMetadata":{"cveId":"CVE-2024-1709"},"containers":{"adp":[{"metrics":[{"other":{"type":"kev","content":{}}},{"other":{"type":"ssvc","content":
		{"timestamp":"2024-02-24T05:00:21.568850Z","options":[{"Exploitation":"active"},{"Automatable":"yes"},{"Technical Impact":"total"}]}}}]}]}}`
	p, err := priority.ReadVulnrichment(strings.NewReader(record))
	require.NoError(t, err)
	require.Equal(t, priority.Points{
		CVE: cve(t, "CVE-2024-1709"), Exploitation: priority.Active, Automatable: priority.Yes, TechnicalImpact: priority.Total,
		At: time.Date(2024, 2, 24, 5, 0, 21, 568e6, time.UTC),
	}, p)
	for _, bad := range []string{"", "{}", strings.Replace(record, `"active"`, `"maybe"`, 1), strings.Replace(record, `"options":[`, `"options":["x",`, 1)} {
		_, err := priority.ReadVulnrichment(strings.NewReader(bad))
		require.Error(t, err, bad)
	}
	older := p
	older.At, older.Exploitation = p.At.Add(-time.Hour), priority.None
	assessed := priority.NewAssessed([]priority.Points{older, p})
	require.Equal(t, 1, assessed.Len())
	got, _ := assessed.Find(p.CVE)
	require.Equal(t, p, got, "the newest counts")
}

func TestSnapshotsSurviveTheStore(t *testing.T) {
	kev := readKEV(t, catalogue)
	kev2, err := priority.UnmarshalKEV(kev.Marshal())
	require.NoError(t, err)
	require.Equal(t, kev, kev2)

	epss := readEPSS(t, scores)
	epss2, err := priority.UnmarshalEPSS(epss.Marshal())
	require.NoError(t, err)
	require.Equal(t, epss, epss2)

	assessed := priority.NewAssessed([]priority.Points{{CVE: 7<<32 | 1, Exploitation: priority.PoC, Automatable: priority.No, At: at}, {CVE: 8 << 32, TechnicalImpact: priority.Partial}})
	assessed2, err := priority.UnmarshalAssessed(assessed.Marshal())
	require.NoError(t, err)
	require.Equal(t, assessed, assessed2)

	_, err = priority.UnmarshalKEV(epss.Marshal())
	require.Error(t, err, "one kind isn't another")
	for _, b := range [][]byte{kev.Marshal(), epss.Marshal(), assessed.Marshal()} {
		for cut := range b {
			_, err1 := priority.UnmarshalKEV(b[:cut])
			_, err2 := priority.UnmarshalEPSS(b[:cut])
			_, err3 := priority.UnmarshalAssessed(b[:cut])
			require.Error(t, err1)
			require.Error(t, err2)
			require.Error(t, err3)
		}
	}
	_, err = priority.UnmarshalKEV(append(kev.Marshal(), 0))
	require.Error(t, err, "nothing may follow")
}

func TestAForgedCountAllocatesNothing(t *testing.T) {
	forged := append([]byte("quell epss 1\n\x00\x00"), 0xff, 0xff, 0xff, 0x7f) // no text, no time, and 268 million rows
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := priority.UnmarshalEPSS(forged)
	runtime.ReadMemStats(&after)
	require.Error(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestDigestsNameTheContent(t *testing.T) {
	kev, other := readKEV(t, catalogue), readKEV(t, strings.Replace(catalogue, "2024-02-22", "2024-02-23", 1))
	require.NotEqual(t, kev.Digest(), other.Digest())
	shuffled := readEPSS(t, strings.Replace(scores, "CVE-2024-1709,0.94444,0.99999\nCVE-1999-0001,0.01234,0.5\n", "CVE-1999-0001,0.01234,0.5\nCVE-2024-1709,0.94444,0.99999\n", 1))
	require.Equal(t, readEPSS(t, scores).Digest(), shuffled.Digest(), "the order of rows is no content")
	a, b := priority.NewIntel(kev, at, shuffled, nil), priority.NewIntel(kev, at.Add(day), shuffled, nil)
	require.Equal(t, a.Digest(), b.Digest(), "when it was loaded is no content")
	require.NotEqual(t, a.Digest(), priority.NewIntel(other, at, shuffled, nil).Digest())
	require.NotEqual(t, a.Digest(), priority.NewIntel(kev, at, nil, nil).Digest())
	require.Empty(t, priority.NewIntel(nil, at, nil, nil).Digest())
}

func TestNotices(t *testing.T) {
	kev, epss := readKEV(t, catalogue), readEPSS(t, scores)
	policy := priority.DefaultPolicy()
	require.Len(t, priority.Intel{}.Notices(policy, at), 2, "neither KEV nor EPSS")
	soon := kev.Released.Add(time.Hour)
	require.Empty(t, priority.NewIntel(kev, soon, epss, nil).Notices(policy, soon))
	require.Contains(t, priority.NewIntel(kev, soon, epss, nil).Notices(policy, soon.Add(8*day))[0], "more than 7d ago")
	require.Contains(t, priority.NewIntel(kev, at, epss, nil).Notices(policy, at)[0], "KEV catalogue 2025.08.25 was released on 2025-08-25")
}

func TestThreeHundredThousandScoresTakeFewMegabytes(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("cve,epss,percentile\n")
	for year := 1999; year < 2029; year++ {
		for n := range 10_000 {
			fmt.Fprintf(&text, "CVE-%d-%04d,0.%05d,0.5\n", year, n+1, n)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	epss := readEPSS(t, text.String())
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Equal(t, 300_000, epss.Len())
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(6<<20))
	require.Less(t, len(epss.Marshal()), 2<<20)
	runtime.KeepAlive(epss)
}

func TestTheSamplesAreRead(t *testing.T) {
	t.Run("KEV", func(t *testing.T) {
		f, err := os.Open(shared(t, "samples", "kev", "known_exploited_vulnerabilities.json"))
		require.NoError(t, err)
		defer func() { require.NoError(t, f.Close()) }()
		kev, err := priority.ReadKEV(f)
		require.NoError(t, err)
		require.Equal(t, 1404, kev.Len())
		e, ok := kev.Find(cve(t, "CVE-2025-48384"))
		require.True(t, ok)
		require.Equal(t, "2025-08-25", e.Added.Format("2006-01-02"))
	})
	t.Run("EPSS columns of cvss-bt", func(t *testing.T) {
		f, err := os.Open(shared(t, "samples", "epss", "cvss_bt.csv"))
		require.NoError(t, err)
		defer func() { require.NoError(t, f.Close()) }()
		epss, err := priority.ReadEPSS(f)
		require.NoError(t, err)
		p, ok := epss.Find(cve(t, "CVE-2025-0001"))
		require.True(t, ok)
		require.InDelta(t, 0.07764, p, 1e-6)
		require.Equal(t, 10, epss.Len())
		require.Equal(t, 3, epss.Skipped, "a GHSA and two that are nothing")
	})
	for name, want := range map[string]priority.Points{
		"CVE-2024-1709":  {Exploitation: priority.Active, Automatable: priority.Yes, TechnicalImpact: priority.Total},
		"CVE-2024-27198": {Exploitation: priority.Active, Automatable: priority.Yes, TechnicalImpact: priority.Total}, // writes Yes and Total
		"CVE-2024-24919": {Exploitation: priority.Active, Automatable: priority.Yes, TechnicalImpact: priority.Partial},
		"CVE-2024-6387":  {Exploitation: priority.PoC, Automatable: priority.No, TechnicalImpact: priority.Total},
		"CVE-2024-21762": {Exploitation: priority.Active, Automatable: priority.Yes, TechnicalImpact: priority.Total},
	} {
		t.Run("Vulnrichment "+name, func(t *testing.T) {
			f, err := os.Open(shared(t, "samples", "cisa-vulnrichment", name+".json"))
			require.NoError(t, err)
			defer func() { require.NoError(t, f.Close()) }()
			p, err := priority.ReadVulnrichment(f)
			require.NoError(t, err)
			want.CVE, want.At = cve(t, name), p.At
			require.Equal(t, want, p)
		})
	}
}

func TestAnyPointsSurviveTheStore(t *testing.T) {
	values := func(vs ...priority.Value) *rapid.Generator[priority.Value] { return rapid.SampledFrom(append(vs, "")) }
	point := rapid.Custom(func(t *rapid.T) priority.Points {
		return priority.Points{
			CVE:          priority.CVE(rapid.Uint64Range(1, 1<<48).Draw(t, "cve")),
			Exploitation: values(priority.None, priority.PoC, priority.Active).Draw(t, "exploitation"), Automatable: values(priority.No, priority.Yes).Draw(t, "automatable"),
			TechnicalImpact: values(priority.Partial, priority.Total).Draw(t, "impact"), At: rapid.SampledFrom([]time.Time{{}, at}).Draw(t, "at"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a := priority.NewAssessed(rapid.SliceOf(point).Draw(t, "points"))
		b, err := priority.UnmarshalAssessed(a.Marshal())
		require.NoError(t, err)
		require.Equal(t, a.Digest(), b.Digest())
		require.Equal(t, a.Len(), b.Len())
	})
}
