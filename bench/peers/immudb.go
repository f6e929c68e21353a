// immudb's store (Go module github.com/codenotary/immudb/embedded/store): every transaction is a leaf of
// a Merkle tree and linked to the one before; inclusion and consistency can be proved to a client.
//
//	default  as it is delivered: synced, where what is committed within 20 ms is synced together
//	quick    the same with 1 ms instead of 20
//
// It is used as a library, without the server's gRPC and without waiting for its index, as the ledger's
// own library form is. One transaction a batch; at most 1,024 entries each by default.
//
// Same options and same line of JSON as the programs of peer.c.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codenotary/immudb/embedded/logger"
	"github.com/codenotary/immudb/embedded/store"
)

const pool = 65536

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "immudb:", err)
		os.Exit(1)
	}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/codenotary/immudb" {
			return module.Version + ", " + runtime.Version()
		}
	}
	return "unknown"
}

func appendBatch(db *store.ImmuStore, first uint64, count int, payload func() []byte) {
	tx, err := db.NewWriteOnlyTx(context.Background())
	must(err)
	for i := 0; i < count; i++ {
		key := make([]byte, 8)
		binary.BigEndian.PutUint64(key, first+uint64(i))
		must(tx.Set(key, nil, payload()))
	}
	_, err = tx.AsyncCommit(context.Background())
	must(err)
}

// How many entries the store's transactions have; their hashes are checked on reading.
func countEntries(db *store.ImmuStore) (count int) {
	tx, err := db.NewTxHolderPool(1, false)
	must(err)
	holder, err := tx.Alloc()
	must(err)
	for id := uint64(1); id <= db.TxCount(); id++ {
		must(db.ReadTx(id, false, holder))
		count += len(holder.Entries())
	}
	return count
}

func main() {
	dir := flag.String("dir", "", "an empty directory")
	variant := flag.String("variant", "default", "default or quick")
	writers := flag.Int("writers", 1, "at the same time")
	batch := flag.Int("batch", 1, "records a transaction")
	size := flag.Int("size", 256, "bytes of a record")
	seconds := flag.Float64("seconds", 2, "how long")
	flag.Parse()
	if *dir == "" || flag.NArg() != 0 || (*variant != "default" && *variant != "quick") ||
		*writers < 1 || *batch < 1 || *size < 1 || *seconds <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	options := store.DefaultOptions().WithLogger(logger.NewMemoryLogger())
	if *variant == "quick" {
		options = options.WithSyncFrequency(time.Millisecond)
	}
	if *writers > options.MaxConcurrency {
		options = options.WithMaxConcurrency(*writers)
	}
	db, err := store.Open(*dir, options)
	must(err)

	bytes := make([]byte, pool+*size)
	rand.New(rand.NewSource(1)).Read(bytes)
	latencies := make([][]float64, *writers)
	var next atomic.Uint64
	var wait sync.WaitGroup
	begun := time.Now()
	end := begun.Add(time.Duration(*seconds * float64(time.Second)))
	for w := range latencies {
		wait.Add(1)
		go func() {
			defer wait.Done()
			random := rand.New(rand.NewSource(int64(w + 2)))
			payload := func() []byte {
				at := random.Intn(pool)
				return bytes[at : at+*size]
			}
			for now := time.Now(); now.Before(end); {
				first := next.Add(uint64(*batch)) - uint64(*batch)
				before := time.Now()
				appendBatch(db, first, *batch, payload)
				now = time.Now()
				latencies[w] = append(latencies[w], now.Sub(before).Seconds()*1e3)
			}
		}()
	}
	wait.Wait()
	took := time.Since(begun).Seconds()

	var all []float64
	for _, some := range latencies {
		all = append(all, some...)
	}
	sort.Float64s(all)
	count := len(all) * *batch
	if there := countEntries(db); there != count {
		must(fmt.Errorf("%d records were acknowledged, %d are there", count, there))
	}
	must(db.Close())
	at := func(share float64) float64 { return all[int(float64(len(all))*share)] }
	fmt.Printf("{\"rate\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"count\":%d,\"seconds\":%.3f,"+
		"\"version\":\"%s\"}\n", float64(count)/took, at(0.5), at(0.99), at(0.999), count, took, version())
}
