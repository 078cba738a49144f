package chatops_test

import "github.com/quellsec/quell/connectors"

func connectorsRef(channel, ts string) connectors.Ref { return connectors.Ref(channel + "/" + ts) }

func cardOf(title string) connectors.Card { return connectors.Card{Title: title, State: "open"} }

func actionsOf(subject string, kinds ...string) []connectors.Action {
	out := make([]connectors.Action, 0, len(kinds))
	for _, kind := range kinds {
		out = append(out, connectors.Action{Kind: kind, Subject: subject})
	}
	return out
}
