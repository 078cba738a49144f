package cli

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func gzipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		require.NoError(t, err)
		_, err = io.WriteString(f, files[i+1])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// read reads every report that an argument means, as "name=body".
func read(t *testing.T, dir, arg string, stdin []byte) ([]string, error) {
	t.Helper()
	a := &app{Deps: Deps{Dir: dir, In: bytes.NewReader(stdin)}}
	var got []string
	err := a.eachInput(arg, func(in input) error {
		body, err := in.open()
		if err != nil {
			return err
		}
		defer func() { _ = body.Close() }() // it was only read
		n, err := io.Copy(io.Discard, body)
		got = append(got, in.name+"="+in.file+"="+strconv.FormatInt(n, 10))
		return err
	})
	return got, err
}

func TestReportsAreFoundInWhateverTheyArePackedIn(t *testing.T) {
	dir := t.TempDir()
	bomb := gzipped(t, make([]byte, 64<<20))
	manyFiles := make([]string, 0, 2*(maxMembers+1))
	for i := range maxMembers + 1 {
		manyFiles = append(manyFiles, strconv.Itoa(i), "x")
	}
	zipBomb := zipped(t, "a.json", strings.Repeat("\x00", 64<<20))
	// Each half is within the ratio only if the members were counted one by one.
	shared := zipped(t, "a", strings.Repeat("\x00", 7<<20), "b", strings.Repeat("\x00", 7<<20))
	tests := []struct {
		name string
		file []byte
		want []string
		err  string
	}{
		{"plain.json", []byte("{}"), []string{"plain.json=plain.json=2"}, ""},
		{"empty.json", nil, []string{"empty.json=empty.json=0"}, ""},
		{"packed.json.gz", gzipped(t, []byte("{}")), []string{"packed.json.gz=packed.json=2"}, ""},
		{"two.zip", zipped(t, "a.json", "{}", "dir/b.nessus", "<x>"), []string{"two.zip:a.json=a.json=2", "two.zip:dir/b.nessus=b.nessus=3"}, ""},
		{"slip.zip", zipped(t, "../../etc/passwd", "x", `..\boot.ini`, "y"), []string{"slip.zip:../../etc/passwd=passwd=1", `slip.zip:..\boot.ini=boot.ini=1`}, ""},
		{"dirs.zip", zipped(t, "dir/", ""), nil, "holds no files"},
		{"many.zip", zipped(t, manyFiles...), nil, "more than 1000 files"},
		{"nested.zip", zipped(t, "in.zip", string(zipped(t, "a", "x"))), nil, "archive in an archive"},
		{"nested-gz.zip", zipped(t, "in.gz", string(gzipped(t, []byte("x")))), nil, "archive in an archive"},
		{"twice.gz", gzipped(t, gzipped(t, []byte("x"))), nil, "packed twice"},
		{"bomb.gz", bomb, nil, "grows more than 300 times"},
		{"bomb.zip", zipBomb, nil, "grows more than 300 times"},
		{"shared.zip", shared, nil, "grows more than 300 times"},
		{"cut.gz", gzipped(t, bytes.Repeat([]byte("0123456789"), 1000))[:40], nil, "unpacking"},
		{"cut.zip", zipped(t, "a", "x")[:20], nil, "reading the archive"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, tt.name), tt.file, 0o600))
			got, err := read(t, dir, tt.name, nil)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	_, err := read(t, dir, ".", nil)
	require.ErrorContains(t, err, "is a directory")
	_, err = read(t, dir, "nowhere", nil)
	require.ErrorContains(t, err, "no such file")
	got, err := read(t, dir, "-", gzipped(t, []byte("{}")))
	require.NoError(t, err)
	require.Equal(t, []string{"standard input==2"}, got)
	_, err = read(t, dir, "-", zipped(t, "a", "x"))
	require.ErrorContains(t, err, "name the file")
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("{}"))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0})
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(_ *testing.T, body []byte) {
		out, err := unpacked(io.NopCloser(bytes.NewReader(body)))
		if err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(out, 1<<20)) // must not panic
		}
	})
}
