package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

func TestSloppyTypesReadAsWhatTheyMean(t *testing.T) {
	var v struct {
		ID    Text
		Names Texts
		Score Number
		Fixed Flag
		At    Time
		Items List[struct{ A Text }]
	}
	for _, text := range []string{
		`{"ID":"7","Names":["a","b"],"Score":7.5,"Fixed":true,"At":"2024-02-02T16:30:33.045+01:00","Items":[{"A":1}]}`,
		`{"ID":7,"Names":["a","b",null,{}],"Score":"7.5","Fixed":"Yes","At":1706887833045,"Items":{"A":"1"}}`,
	} {
		require.True(t, Unmarshal([]byte(text), &v))
		require.Equal(t, "7", v.ID.String())
		require.Equal(t, Texts{"a", "b"}, v.Names)
		require.Equal(t, Number{7.5, true}, v.Score)
		require.True(t, bool(v.Fixed))
		require.Equal(t, time.Date(2024, 2, 2, 15, 30, 33, 45e6, time.UTC), v.At.Time)
		require.Equal(t, "1", v.Items[0].A.String())
	}
	require.True(t, Unmarshal([]byte(`{"ID":{},"Names":7,"Score":[],"Fixed":null,"At":{},"Items":"x"}`), &v), "a wrong type is no error")
	require.Empty(t, v.ID)
	require.Equal(t, Texts{"7"}, v.Names)
	require.False(t, v.Score.OK)
	require.False(t, Unmarshal([]byte(`{"ID":`), &v))
}

func TestReadingAListLeavesTheBodyAsItIs(t *testing.T) {
	const text = `{"Items":[{"A":1},{"A":2}]}`
	body := []byte(text)
	var v struct{ Items List[struct{ A Text }] }
	require.True(t, Unmarshal(body, &v))
	require.Len(t, v.Items, 2)
	require.Equal(t, text, string(body), "what is left of it goes to Rest") //nolint:testifylint // byte for byte
}

func TestMomentReadsEveryNotation(t *testing.T) {
	want := time.Date(2024, 6, 4, 2, 28, 6, 0, time.UTC)
	for _, s := range []string{
		"2024-06-04T02:28:06Z", "2024-06-04T02:28:06", "2024-06-04 02:28:06", "2024-06-04 02:28:06.000000000", "2024-06-04 02:28:06 UTC",
		"2024-06-04T04:28:06+02:00", "2024-06-04T04:28:06.000+0200", "Tue Jun  4 02:28:06 2024", "Tue, 04 Jun 2024 02:28:06 GMT",
		"1717468086", "1717468086000", "1717468086.0", "1717468086000000", "20240604T022806",
	} {
		require.Equal(t, want, Moment(s), s)
	}
	for _, s := range []string{"", "0", "-1", "never", "1970-01-01T00:00:00Z", "NaN", "1e999", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"} {
		require.True(t, Moment(s).IsZero(), s)
	}
}

func TestRestKeepsWhatWasNotMappedAndHidesCredentials(t *testing.T) {
	got := Rest([]byte(`{"id":7,"b":1.50,"a":{"token":"abcdef","x":null,"y":"<i>"},"cve":{"id":"CVE-1","name":"n"},"note":"Authorization: Bearer abcdefgh"}`), "id", "cve.id")
	require.JSONEq(t, `{"a":{"token":"[redacted]","y":"<i>"},"b":1.50,"cve":{"name":"n"},"note":"Authorization: [redacted]"}`, string(got))
	require.Contains(t, string(got), "1.50", "numbers are as the vendor wrote them")
	require.Nil(t, Rest([]byte(`{"id":7}`), "id"))
	require.Nil(t, Rest([]byte(`[1]`)))

	large := Rest([]byte(`{"small":1,"large":"` + strings.Repeat("x", exposure.MaxVendor) + `"}`))
	require.JSONEq(t, `{"small":1,"_left_out":["large"]}`, string(large))
}

func FuzzRest(f *testing.F) {
	f.Add([]byte(`{"a":{"password":"x"},"b":[1,"y",null]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if out := Rest(b, "a.b"); out != nil {
			require.True(t, json.Valid(out))
			require.LessOrEqual(t, len(out), exposure.MaxVendor)
			require.JSONEq(t, string(out), string(Rest(out)), "hiding twice changes nothing")
		}
	})
}
