package activity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/netip"
	"strconv"
	"strings"
	"sync"
)

// Key hashes identities: HMAC-SHA-256, cut to 16 bytes. The same key gives the same digests on every machine.
type Key struct {
	secret  []byte
	hashers *sync.Pool // of *hasher: an HMAC costs more to make than to use
	texts   *sync.Pool // the same, of the key that hashes texts
	former  []Key
}

type hasher struct {
	hash.Hash
	text []byte
}

// Digest is the keyed hash of one aspect of an identity.
type Digest [16]byte

// String writes the digest as 32 hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// NewKey returns the key of secret, of which every byte counts.
func NewKey(secret []byte) Key {
	secret = append([]byte(nil), secret...)
	pool := &sync.Pool{New: func() any { return &hasher{Hash: hmac.New(sha256.New, secret)} }}
	return Key{secret: secret, hashers: pool, texts: pool}
}

// ID names the key without telling it: 8 hexadecimal digits, kept in the store to refuse another key.
func (k Key) ID() string { return k.sum("key", "id").String()[:8] }

// Login is the digest of a login, case-folded.
func (k Key) Login(login string) Digest { return k.sum("login", fold(login)) }

// AuthorName is the digest of a git author's name, case-folded.
func (k Key) AuthorName(name string) Digest { return k.sum("author-name", fold(name)) }

// AuthorEmail is the digest of a git author's e-mail, case-folded.
func (k Key) AuthorEmail(email string) Digest { return k.sum("author-email", fold(email)) }

// AuthorLocal is the digest of the local part of a git author's e-mail, case-folded.
func (k Key) AuthorLocal(local string) Digest { return k.sum("author-local", fold(local)) }

// Member returns the digests by which a member with a login, and perhaps an e-mail, is found: in Grafana and as a git author; the
// first is of the login, and those under former keys come last.
func (k Key) Member(login, email string) (all []Digest) {
	for _, k := range k.All() {
		all = append(all, k.Login(login), k.AuthorName(login), k.AuthorEmail(login), k.AuthorLocal(login))
		if email != "" && fold(email) != fold(login) {
			all = append(all, k.AuthorEmail(email))
		}
	}
	return all
}

// Prefix is the digest of a network prefix, masked.
func (k Key) Prefix(p netip.Prefix) Digest { return k.sum("net", p.Masked().String()) }

// Client is the digest that every network client carries: it tells an address from a login.
func (k Key) Client() Digest { return k.sum("net", "any") }

// Text is the digest of a query's text, by which it is known again without being kept. The key keeps it from being guessed.
// It stays when the key is rotated.
func (k Key) Text(text string) Digest { return sum(k.texts, "text", text) }

// Actor returns the digest that identifies i as a whole, and all digests by which an owner rule may match it.
// Nobody has none.
func (k Key) Actor(i Identity) (whole Digest, all []Digest) {
	switch {
	case i.Login != "":
		whole = k.Login(i.Login)
		return whole, []Digest{whole}
	case i.Name != "" || i.Email != "":
		if i.Name != "" {
			all = append(all, k.AuthorName(i.Name))
		}
		if i.Email != "" {
			all = append(all, k.AuthorEmail(i.Email))
			if local, _, ok := strings.Cut(i.Email, "@"); ok && local != "" {
				all = append(all, k.AuthorLocal(local))
			}
		}
		return k.sum("author", fold(i.Name)+"\x00"+fold(i.Email)), all
	case i.Addr.IsValid():
		addr := i.Addr.Unmap().WithZone("")
		all = append(all, k.Client())
		low, high := 8, 32
		if addr.Is6() {
			low, high = 32, 128
		}
		for bits := low; bits <= high; bits++ {
			p, _ := addr.Prefix(bits)
			all = append(all, k.Prefix(p))
		}
		return k.sum("client", addr.String()), all
	}
	return Digest{}, nil
}

func (k Key) sum(domain, value string) Digest { return sum(k.hashers, domain, value) }

func sum(hashers *sync.Pool, domain, value string) (d Digest) {
	h := hashers.Get().(*hasher)
	defer hashers.Put(h)
	h.Reset()
	h.text = strconv.AppendInt(h.text[:0], int64(len(domain)), 10)
	h.text = append(append(append(append(h.text, ':'), domain...), ':'), value...)
	h.Write(h.text)
	h.text = h.Sum(h.text[:0])
	copy(d[:], h.text)
	return d
}

func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
