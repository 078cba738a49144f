package app

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/internal/fault"
)

// notifier opens the notifier that is configured, else the built-in inbox.
func (a *app) notifier(calls *peopleMetrics) (connectors.Notifier, error) {
	var notifier connectors.Notifier = inbox.New(a.store, now)
	for _, n := range a.cfg.Notifiers {
		instance, err := a.openOutward(n.Name, n.Connector, n.Config, 0, calls)
		if err != nil {
			return nil, err
		}
		opened, ok := instance.(connectors.Notifier)
		if !ok {
			return nil, fault.New(fault.Invalid, "opening notifier %s: connector %s sends no messages", n.Name, n.Connector)
		}
		notifier = opened
		a.openChat(n.Name, instance)
	}
	return notifier, nil
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
