package xmlpull

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTreeReadsOneElementAndGoesOnBehindIt(t *testing.T) {
	r := NewReader(strings.NewReader(`<all><i n="1">a<cve><id>CVE-1</id><id>CVE-2</id></cve>b<e/></i><i n="2"/></all>`), "test XML")
	require.True(t, r.Child(0))
	root := r.Depth()
	require.True(t, r.Child(root))
	n, whole := r.Tree(1 << 10)
	require.True(t, whole)
	require.Equal(t, "1", n.Attr("n"))
	require.Equal(t, "ab", n.Text)
	require.Equal(t, "CVE-1", n.Get("cve/id"))
	require.Equal(t, []string{"CVE-1", "CVE-2"}, n.Gets("cve/id"))
	require.Empty(t, n.Get("none/id"))
	require.Empty(t, n.At("none").At("id").Get("x"))
	require.JSONEq(t, `{"@n":"1","#text":"ab"}`, string(n.Rest("cve")))
	require.JSONEq(t, `{"cve":{"id":["CVE-1","CVE-2"]}}`, string(n.Rest("@n", "#text")))
	require.True(t, r.Child(root))
	require.Equal(t, "2", string(r.Attr("n")))
	require.False(t, r.Child(root))
	require.NoError(t, r.Err())
}

func TestTreeTakesNoMoreThanItsLimit(t *testing.T) {
	r := NewReader(strings.NewReader(`<all><i>`+strings.Repeat("<x>yyyyyyyy</x>", 10_000)+`</i><i>z</i></all>`), "test XML")
	require.True(t, r.Child(0))
	root := r.Depth()
	require.True(t, r.Child(root))
	n, whole := r.Tree(1 << 10)
	require.False(t, whole)
	require.Less(t, len(n.Children), 100)
	require.True(t, r.Child(root))
	require.Equal(t, "z", string(r.Text(10)))
	require.NoError(t, r.Err())
}
