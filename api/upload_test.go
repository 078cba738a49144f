package api

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

// form makes a form of name, content, name, content.
func form(t *testing.T, source string, files ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if source != "" {
		require.NoError(t, w.WriteField("source", source))
	}
	for i := 0; i+1 < len(files); i += 2 {
		part, err := w.CreateFormFile("file", files[i])
		require.NoError(t, err)
		_, err = part.Write([]byte(files[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String(), w.FormDataContentType()
}

func TestManyFilesAreTakenInOneForm(t *testing.T) {
	r := newRig(t)
	body, kind := form(t, "signed", "a.json", "one", "../../etc/passwd\u009b\u202egpj", "two")
	out := into[Uploaded](t, r.post(prefix+"/deliveries", body, "Content-Type", kind), http.StatusAccepted)
	require.Len(t, out.Accepted, 2)
	require.Empty(t, out.Refused)
	for i, want := range []string{"one", "two"} {
		d := r.deliveries[out.Accepted[i].Delivery]
		require.Equal(t, want, string(r.bodies[d.Body]))
		require.Equal(t, "operator-token", d.By)
		require.Equal(t, "upload", d.Via)
	}
	require.Equal(t, "a.json", out.Accepted[0].Name)
	require.Equal(t, "passwdgpj", out.Accepted[1].Name, "no path, and nothing that a terminal or a reader is misled by")
}

func TestAFormThatIsRepeatedWithItsKeyIsOneDelivery(t *testing.T) {
	r := newRig(t)
	body, kind := form(t, "", "a.json", "one", "b.json", "two")
	for range 2 {
		out := into[Uploaded](t, r.post(prefix+"/deliveries?source=signed", body, "Content-Type", kind, "Idempotency-Key", "k"), http.StatusAccepted)
		require.Len(t, out.Accepted, 2)
	}
	require.Len(t, r.deliveries, 2)
	other, kind := form(t, "signed", "a.json", "another")
	into[Uploaded](t, r.post(prefix+"/deliveries", other, "Content-Type", kind, "Idempotency-Key", "l"), http.StatusAccepted)
	p := refused(t, r.post(prefix+"/deliveries", strings.Replace(other, "another", "something", 1), "Content-Type", kind, "Idempotency-Key", "l"), http.StatusConflict)
	require.Contains(t, p.Detail, "Idempotency-Key")
}

func TestAHostileFormIsRefusedAndWhatWasStoredIsTold(t *testing.T) {
	good, kind := form(t, "signed", "a.json", "one", "b.json", "two")
	unknown, unknownKind := form(t, "nothing", "a.json", "one")
	nameless, namelessKind := form(t, "", "a.json", "one")
	empty, emptyKind := form(t, "signed")
	for name, c := range map[string]struct {
		body, kind string
		status     int
		stored     int
	}{
		"not a form":               {"{}", jsonType, http.StatusUnsupportedMediaType, 0},
		"no boundary":              {good, "multipart/form-data", http.StatusUnsupportedMediaType, 0},
		"another boundary":         {good, "multipart/form-data; boundary=x", http.StatusBadRequest, 0},
		"cut before the first":     {good[:100], kind, http.StatusBadRequest, 0},
		"cut in the last":          {good[:strings.Index(good, "two")+1], kind, http.StatusAccepted, 1},
		"an unknown source":        {unknown, unknownKind, http.StatusNotFound, 0},
		"no source":                {nameless, namelessKind, http.StatusBadRequest, 0},
		"no files":                 {empty, emptyKind, http.StatusBadRequest, 0},
		"a header without an end":  {"--x\r\n" + strings.Repeat("A", 1<<20), "multipart/form-data; boundary=x", http.StatusBadRequest, 0},
		"many headers":             {"--x\r\n" + strings.Repeat("A: b\r\n", 20000) + "\r\n", "multipart/form-data; boundary=x", http.StatusBadRequest, 0},
		"an unknown field":         {strings.Replace(good, `"source"`, `"sauce"`, 1), kind, http.StatusBadRequest, 0},
		"more files than it holds": {strings.Repeat("--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n1\r\n", 1002) + "--x--", "multipart/form-data; boundary=x", http.StatusBadRequest, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			answer := r.post(prefix+"/deliveries", c.body, "Content-Type", c.kind)
			require.Equal(t, c.status, answer.Code, answer.Body)
			require.Len(t, r.deliveries, c.stored)
			if c.stored > 0 {
				out := into[Uploaded](t, answer, http.StatusAccepted)
				require.Len(t, out.Accepted, c.stored)
				require.NotEmpty(t, out.Refused[0].Detail)
			}
		})
	}
}

func TestOneReportIsTakenAsTheBody(t *testing.T) {
	r := newRig(t)
	path := prefix + "/sources/signed/deliveries?name=scan.json"
	out := into[Accepted](t, r.post(path, zipped(t, "report"), "Content-Encoding", "gzip", "Idempotency-Key", "k"), http.StatusAccepted)
	require.Equal(t, "signed|k", out.Delivery)
	require.Equal(t, "scan.json", out.Name)
	require.Equal(t, "report", string(r.bodies[r.deliveries[out.Delivery].Body]))
	require.True(t, into[Accepted](t, r.post(path, "report", "Idempotency-Key", "k"), http.StatusAccepted).Repeated)
	refused(t, r.post(path, "another", "Idempotency-Key", "k"), http.StatusConflict)
	refused(t, r.post(prefix+"/sources/nothing/deliveries", "x"), http.StatusNotFound)
	found := into[exposure.Delivery](t, r.get(prefix+"/deliveries/signed%7Ck"), http.StatusOK)
	require.Equal(t, out.Delivery, found.ID)
}

func TestADeliveryIsReplayedWhenItHasEnded(t *testing.T) {
	r := newRig(t)
	r.deliveries["signed|1"] = exposure.Delivery{ID: "signed|1", Source: "signed", Status: exposure.DeliveryFailed, Error: "broken", Checkpoint: 7, EndedAt: noon}
	out := into[Replayed](t, r.post(prefix+"/deliveries/signed%7C1/replay", nil), http.StatusAccepted)
	require.Equal(t, exposure.DeliveryReceived, out.Status)
	require.Equal(t, exposure.Delivery{ID: "signed|1", Source: "signed", Status: exposure.DeliveryReceived}, r.deliveries["signed|1"])
	refused(t, r.post(prefix+"/deliveries/signed%7C1/replay", nil), http.StatusConflict)
	r.deliveries["gone|1"] = exposure.Delivery{ID: "gone|1", Source: "gone", Status: exposure.DeliveryFailed}
	refused(t, r.post(prefix+"/deliveries/gone%7C1/replay", nil), http.StatusConflict)
	refused(t, r.post(prefix+"/deliveries/signed%2F9/replay", nil), http.StatusNotFound)
	require.NoError(t, r.server.Shutdown(t.Context()))
	require.Equal(t, []string{"signed"}, r.wakes)
}
