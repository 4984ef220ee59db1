// Command checklog checks a log's folder with code that its authors did not write:
// golang.org/x/mod/sumdb/note and tlog.
//
//	checklog FOLDER VERIFIER-KEY INDEX ENTRY-HEX
//
// It verifies the checkpoint's signature, that the tiles hash to its root, that every entry bundle
// hashes to its leaves, and that the entry is at the index. Exit status 0 means that all holds.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func main() {
	if len(os.Args) != 5 {
		fail(fmt.Errorf("want FOLDER VERIFIER-KEY INDEX ENTRY-HEX"))
	}
	index, err := strconv.ParseInt(os.Args[3], 10, 64)
	fail(err)
	entry, err := hex.DecodeString(os.Args[4])
	fail(err)
	folder := os.Args[1]
	tree, err := openCheckpoint(folder, os.Args[2])
	fail(err)
	hashes := tlog.TileHashReader(tree, tiles(folder))
	root, err := tlog.TreeHash(tree.N, hashes)
	fail(err)
	if root != tree.Hash {
		fail(fmt.Errorf("tiles hash to %v, the checkpoint says %v", root, tree.Hash))
	}
	fail(checkEntries(folder, tree, hashes))
	proof, err := tlog.ProveRecord(tree.N, index, hashes)
	fail(err)
	fail(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)))
	fmt.Printf("size %d root %v entry %d proven by %d hashes\n", tree.N, tree.Hash, index, len(proof))
}

// openCheckpoint verifies the signature and reads the three lines under it. (tlog.ParseTree knows
// only the Go checksum database's own origin line.)
func openCheckpoint(folder, key string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("bad root")
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}, nil
}

// tiles reads tiles from a folder. The checksum database's paths name the height and call entries
// data; those of c2sp.org/tlog-tiles do neither.
type tiles string

func (folder tiles) Height() int { return tileHeight }

func (folder tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (folder tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		content, err := readTile(string(folder), tile)
		if err != nil {
			return nil, err
		}
		found = append(found, content)
	}
	return found, nil
}

func readTile(folder string, tile tlog.Tile) ([]byte, error) {
	path := strings.TrimPrefix(tile.Path(), "tile/8/")
	path = strings.Replace(path, "data/", "entries/", 1)
	return os.ReadFile(filepath.Join(folder, "tile", path))
}

func checkEntries(folder string, tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << tileHeight {
		width := min(tree.N-first, 1<<tileHeight)
		tile := tlog.Tile{H: tileHeight, L: -1, N: first >> tileHeight, W: int(width)}
		bundle, err := readTile(folder, tile)
		if err != nil {
			return err
		}
		for index := first; index < first+width; index++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("%s ends inside an entry", tile.Path())
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			if err != nil {
				return err
			}
			if leaf[0] != tlog.RecordHash(bundle[2:end]) {
				return fmt.Errorf("entry %d does not hash to its leaf", index)
			}
			bundle = bundle[end:]
		}
		if len(bundle) != 0 {
			return fmt.Errorf("%s has more than its entries", tile.Path())
		}
	}
	return nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "checklog:", err)
		os.Exit(1)
	}
}
