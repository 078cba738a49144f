package asset

import "slices"

// maxWeak bounds the weak identifiers that take part in Keys: pairs grow by the square.
const maxWeak = 12

// Keys are the texts under which a description's asset is looked up and claimed: one for
// each strong identifier; one for each pair of weak ones, since a pair is what it takes to
// match; and where nothing but weak ones are known, one for each within its source. They
// are sorted, so that two ingests that claim for one new asset meet at the first. Who
// loses a claim reads the winner's asset and resolves again with it as a candidate.
func Keys(d Description, source string) []string {
	ids := names(d, source)
	weak := weakKeys(ids)
	keys := make([]string, 0, len(ids)+len(weak)*len(weak)/2)
	for _, id := range ids {
		if id.Kind.Strong() {
			keys = append(keys, id.Key())
		}
	}
	if len(keys) == 0 {
		keys = lone(weak, source)
	}
	for i, a := range weak {
		for _, b := range weak[i+1:] {
			keys = append(keys, "pair|"+a+"|"+b)
		}
	}
	slices.Sort(keys)
	return keys
}

// LoneKeys are what Keys adds for a description that has nothing but weak identifiers. An
// asset that has more may record them too, so that it is found again when its source once
// says less; losing such a claim means nothing.
func LoneKeys(d Description, source string) []string {
	ids, _ := Usable(d, source)
	return lone(weakKeys(ids), source)
}

func weakKeys(ids []Identifier) []string {
	var weak []string
	for _, id := range ids {
		if !id.Kind.Strong() && len(weak) < maxWeak {
			weak = append(weak, id.Key())
		}
	}
	return weak
}

func lone(weak []string, source string) []string {
	keys := make([]string, 0, len(weak))
	for _, k := range weak {
		keys = append(keys, "lone|"+source+"|"+k)
	}
	return keys
}
