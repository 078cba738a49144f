package ledger_test

import (
	"testing"

	"github.com/quellsec/quell/internal/ledger/ledgertest"
)

func TestTheLedgerKeepsItsPromisesInMemory(t *testing.T) {
	ledgertest.Run(t, func() ledgertest.Store { return &ledgertest.Memory{} })
}
