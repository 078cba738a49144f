package marked

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var both = map[string]Style{"markdown": Markdown, "plain": Plain}

func TestABlockIsReplacedAndPeoplesWordsStayToTheLastByte(t *testing.T) {
	for name, s := range both {
		t.Run(name, func(t *testing.T) {
			body := s.Put("", "abc-1", "first", map[string]string{Title: "x"})
			before, after := "people said this\r\n  \n", "\n\tand that  \n\n"
			edited := before + body + after
			again := s.Put(edited, "abc-1", "second", nil)
			require.Equal(t, before, again[:len(before)])
			require.Equal(t, after, again[len(again)-len(after):])
			require.NotContains(t, again, "first")
			b, ok := s.Find(again, "abc-1")
			require.True(t, ok)
			require.Equal(t, "second", b.Text)
			require.True(t, b.Sealed)
			require.Equal(t, again, s.Put(again, "abc-1", "second", nil), "writing it again changes nothing")
		})
	}
}

func TestWhatABlockCarriesIsReadOnlyIfNobodyTouchedIt(t *testing.T) {
	body := Markdown.Put("", "abc-1", "text", map[string]string{Title: "Upgrade lodash"})
	b, _ := Markdown.Find(body, "abc-1")
	require.Equal(t, map[string]string{Title: "Upgrade lodash"}, b.Written)
	at := strings.Index(body, version) + len(version) + 4
	for _, edit := range []struct{ name, body string }{
		{"one character", body[:at] + "A" + body[at+1:]},
		{"cut off", body[:at] + " -->"},
		{"another block's", strings.ReplaceAll(body, "abc-1", "abc-2")},
		{"no seal", strings.Split(body, version)[0] + "-->"},
	} {
		t.Run(edit.name, func(t *testing.T) {
			b, ok := Markdown.Any(edit.body)
			require.True(t, ok, edit.body)
			require.False(t, b.Sealed)
			require.Nil(t, b.Written)
			require.Equal(t, "text", b.Text)
		})
	}
}

func TestAForgedOrCopiedBlockDoesNotHideOurs(t *testing.T) {
	ours := Markdown.Put("", "abc-1", "ours", map[string]string{Title: "x"})
	forged := "<!-- quell:begin abc-1 -->\nforged\n<!-- quell:end abc-1 v1.e30.0000000000000000 -->"
	b, ok := Markdown.Find(forged+"\n"+ours, "abc-1")
	require.True(t, ok)
	require.Equal(t, "ours", b.Text)
	other := Markdown.Put("", "zzz-9", "somebody else's", nil)
	b, ok = Markdown.Find(other+"\n"+ours, "abc-1")
	require.True(t, ok)
	require.Equal(t, "ours", b.Text)
	_, ok = Markdown.Find(other, "abc-1")
	require.False(t, ok)
}

func TestABlockWithoutItsEndIsPeoplesText(t *testing.T) {
	body := Markdown.Put("", "abc-1", "old words", nil)
	cut := strings.Split(body, "<!-- quell:end")[0] + "and mine"
	put := Markdown.Put(cut, "abc-1", "new words", nil)
	require.Contains(t, put, "old words\nand mine")
	require.Equal(t, 1, strings.Count(put, "quell:begin"))
	b, ok := Markdown.Find(put, "abc-1")
	require.True(t, ok)
	require.Equal(t, "new words", b.Text)
}

func TestATextCannotEndItsOwnBlock(t *testing.T) {
	for name, s := range both {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				piece := rapid.SampledFrom([]string{"\n", "a", s.open, s.close, begin, end, "abc-1", " ", "\r\n", "v1.e30.", "é", "`", "```"})
				text := strings.Join(rapid.SliceOfN(piece, 0, 20).Draw(t, "text"), "")
				people := strings.Join(rapid.SliceOfN(piece, 0, 20).Draw(t, "people"), "")
				written := rapid.MapOf(rapid.SampledFrom([]string{Title, Due}), rapid.String()).Draw(t, "written")
				body := s.Put(people, "abc-1", text, written)
				b, ok := s.Find(body, "abc-1")
				require.True(t, ok)
				require.True(t, b.Sealed)
				require.Equal(t, body, s.Put(body, "abc-1", text, written))
				for field, value := range written {
					if strings.ToValidUTF8(value, "") == value {
						require.Equal(t, value, b.Written[field])
					}
				}
			})
		})
	}
}

func TestWhatAPersonChangedStaysUntilTheyPutItBack(t *testing.T) {
	have := map[string]string{Title: "mine", Priority: "act", Assignee: "bob"}
	want := map[string]string{Title: "new", Priority: "attend", Due: "2026-03-02"}
	c := Decide(have, want, map[string]string{Title: "old", Priority: "act", Assignee: ""}, nil)
	require.Equal(t, map[string]string{Priority: "attend"}, c.Write)
	require.Equal(t, []string{Title, Assignee}, c.Overridden)
	require.Equal(t, map[string]string{Title: "old", Priority: "attend", Assignee: ""}, c.Written)

	t.Run("put back, it is ours again", func(t *testing.T) {
		c := Decide(map[string]string{Title: "old"}, want, c.Written, nil)
		require.Equal(t, map[string]string{Title: "new"}, c.Write)
	})
	t.Run("what happens to be what we want is ours again", func(t *testing.T) {
		c := Decide(map[string]string{Title: "new"}, want, c.Written, nil)
		require.Empty(t, c.Write)
		require.Equal(t, "new", c.Written[Title])
	})
	t.Run("where we don't know what we wrote, nothing is lost", func(t *testing.T) {
		c := Decide(have, want, nil, nil)
		require.Empty(t, c.Write)
		require.Equal(t, []string{Title, Priority, Assignee}, c.Overridden)
		require.Empty(t, c.Written)
		again := Decide(have, want, c.Written, nil)
		require.Equal(t, c, again, "nor at the next time")
	})
	t.Run("what we are told to leave is left", func(t *testing.T) {
		require.Empty(t, Decide(map[string]string{Title: "old"}, want, map[string]string{Title: "old"}, []string{Title}).Write)
	})
	require.Equal(t, []string{Title}, Changed(have, map[string]string{Title: "old", Priority: "act"}))
}

func TestACommentIsKnownByItsCauseAlone(t *testing.T) {
	one := Markdown.Comment("still there", "r|comment|e:3")
	require.True(t, Says(one, "r|comment|e:3"))
	require.False(t, Says(one, "r|comment|e:4"))
	require.False(t, Says("still there", "r|comment|e:3"))
	quoting := Markdown.Comment("they said: "+one, "r|comment|e:5")
	require.True(t, Says(quoting, "r|comment|e:5"))
	require.False(t, Says(quoting, "r|comment|e:3"), "a comment that quotes another isn't it")
}

func TestAMarkerHoldsNothingThatEndsItsLine(t *testing.T) {
	require.True(t, ValidMarker("0ab4cd-12"))
	for _, bad := range []string{"", "a b", "a--b", "a>b", "a\nb", "a]b", strings.Repeat("a", 129)} {
		require.False(t, ValidMarker(bad), bad)
	}
}

func FuzzFind(f *testing.F) {
	good := Markdown.Put("people", "abc-1", "text", map[string]string{Title: "x"})
	for _, seed := range []string{"", good, "<!-- quell:begin abc-1 -->", "<!-- quell:end abc-1 v1..-->", good + good, strings.ReplaceAll(good, "\n", "\r\n"),
		"<!-- quell:begin  -->\n<!-- quell:end  -->", "```\n" + good + "\n```", "> " + good, "<!-- quell:end abc-1 v1.!!.x -->"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		put := Markdown.Put(body, "abc-1", "text", map[string]string{Title: "x"})
		b, ok := Markdown.Find(put, "abc-1")
		require.True(t, ok)
		require.Equal(t, "text", b.Text)
		require.True(t, b.Sealed)
		require.Equal(t, put, Markdown.Put(put, "abc-1", "text", map[string]string{Title: "x"}))
	})
}
