package scope_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/scope"
)

func TestDurationsReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "90m": 90 * time.Minute, "72h": 72 * time.Hour, "14d": 336 * time.Hour, "2w": 336 * time.Hour, "1h30m": 90 * time.Minute,
	} {
		got, err := scope.ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Std(), text)
	}
	for _, text := range []string{"", "14", "-1d", "-1h", "1.5d", "d", "1d12h", "40000d", "65535w", "14 d", "9999999h"} {
		_, err := scope.ParseDuration(text)
		require.Error(t, err, text)
	}
}

func TestDurationsSurviveJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := scope.Duration(rapid.Int64Range(0, int64(100*365*24*time.Hour)).Draw(t, "nanoseconds"))
		if rapid.Bool().Draw(t, "round") {
			d -= d % scope.Duration(time.Minute)
		}
		b, err := json.Marshal(d)
		require.NoError(t, err)
		var back scope.Duration
		require.NoError(t, json.Unmarshal(b, &back), "%s", b)
		require.Equal(t, d, back)
	})
}

func TestDurationsAreWrittenShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 14 * 24 * time.Hour: "14d", 36 * time.Hour: "36h", 90 * time.Minute: "1h30m", 10*time.Hour + 20*time.Second: "10h0m20s",
		time.Hour + 10*time.Minute: "1h10m", 20 * time.Minute: "20m", 15 * time.Second: "15s",
	} {
		require.Equal(t, want, scope.Duration(d).String())
	}
}

func TestDaysAreWrittenByName(t *testing.T) {
	b, err := json.Marshal(scope.Window{Days: []scope.Day{scope.Day(time.Monday), scope.Day(time.Sunday)}, From: "22:00", To: "06:00"})
	require.NoError(t, err)
	require.JSONEq(t, `{"days":["mon","sun"],"from":"22:00","to":"06:00"}`, string(b))
	var back scope.Window
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, time.Monday, time.Weekday(back.Days[0]))
	require.Error(t, json.Unmarshal([]byte(`{"days":["monday"]}`), &back))
}

func TestGlobs(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true},
		{"*", "anything", true},
		{"", "", true},
		{"", "x", false},
		{"web-*", "WEB-01", true},
		{"web-*", "aweb-01", false},
		{"*.example.com", "www.Example.COM", true},
		{"*.example.com", "example.com", false},
		{"web-?.example.com", "web-1.example.com", true},
		{"web-?.example.com", "web-12.example.com", false},
		{"arn:aws:*:123:*/prod-*", "arn:aws:s3:123:bucket/prod-x", true},
		{"a*b*c", "aXXbYYc", true},
		{"a*b*c", "aXXcYYb", false},
		{"a*bc", "abcbc", true},
		{"**", "x", true},
		{"a**", "a", true},
		{"[a]", "a", false},
		{"exact", "exactly", false},
	} {
		require.Equal(t, tt.want, scope.NewGlob(tt.pattern).Match(tt.text), "%q on %q", tt.pattern, tt.text)
	}
}

// slowGlob is the meaning of a pattern, without any cleverness.
func slowGlob(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*':
		return slowGlob(p[1:], s) || s != "" && slowGlob(p, s[1:])
	case s == "":
		return false
	}
	return (p[0] == '?' || p[0] == s[0]) && slowGlob(p[1:], s[1:])
}

func TestGlobsMeanWhatTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringMatching(`[ab*?]{0,8}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab]{0,10}`).Draw(t, "text")
		require.Equal(t, slowGlob(p, s), scope.NewGlob(p).Match(s), "%q on %q", p, s)
	})
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b*c*d*e*f*g*h", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Add("*?*", "")
	f.Add("\xff*", "\xff\xfe")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if scope.NewGlob(pattern).Match(text) {
			require.True(t, scope.NewGlob("*").Match(text))
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"14d", "2w", "90m", "1h30m", "", "-1d", "99999999999999999999d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := scope.ParseDuration(text)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, d, scope.Duration(0))
		back, err := scope.ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, back)
	})
}
