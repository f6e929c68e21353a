// immudb's store (Go module github.com/codenotary/immudb/embedded/store): every transaction is a leaf of
// a Merkle tree and linked to the one before; inclusion and consistency can be proved to a client.
//
//	default  as it is delivered: synced, where what is committed within 20 ms is synced together
//	quick    the same with 1 ms instead of 20
//
// It is used as a library, without the server's gRPC and without waiting for its index, as the ledger's
// own library form is. One transaction a batch; by default it has 1,024 entries at most.
package main

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"time"

	"github.com/codenotary/immudb/embedded/logger"
	"github.com/codenotary/immudb/embedded/store"
)

var db *store.ImmuStore

func open(run peerRun) {
	options := store.DefaultOptions().WithLogger(logger.NewMemoryLogger())
	if run.variant == "quick" {
		options = options.WithSyncFrequency(time.Millisecond)
	}
	if run.writers > options.MaxConcurrency {
		options = options.WithMaxConcurrency(run.writers)
	}
	var err error
	db, err = store.Open(filepath.Join(run.dir, "store"), options)
	must(err)
}

func appendBatch(first uint64, records [][]byte) {
	tx, err := db.NewWriteOnlyTx(context.Background())
	must(err)
	for i, record := range records {
		key := binary.BigEndian.AppendUint64(nil, first+uint64(i))
		must(tx.Set(key, nil, record))
	}
	_, err = tx.AsyncCommit(context.Background())
	must(err)
}

// The entries of all transactions, whose hashes are checked on reading.
func countEntries() (count int) {
	holders, err := db.NewTxHolderPool(1, false)
	must(err)
	holder, err := holders.Alloc()
	must(err)
	for id := uint64(1); id <= db.TxCount(); id++ {
		must(db.ReadTx(id, false, holder))
		count += len(holder.Entries())
	}
	return count
}

func main() {
	peer{
		module:   "github.com/codenotary/immudb",
		variants: []string{"default", "quick"},
		open:     open,
		append:   appendBatch,
		count:    countEntries,
		close:    func() { must(db.Close()) },
	}.main()
}
