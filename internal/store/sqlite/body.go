package sqlite

import (
	_ "embed" // the dictionary
	"errors"

	"github.com/klauspost/compress/zstd"
)

// dictionary is text such as bodies are made of. Bodies are compressed against it, since
// one alone is too short to repeat itself much. It is part of the file format: a better
// one has to come beside it under a number of its own, which stands in every frame.
//
//go:embed dictionary.txt
var dictionary []byte

const dictionaryNumber = 1

// codec compresses bodies. What is short, or no shorter compressed, stays as it is; JSON
// never begins as a zstd frame does.
type codec struct {
	z *zstd.Encoder
	u *zstd.Decoder
}

const (
	shortBody = 200
	longBody  = 256 << 20 // more than any engine takes; a damaged length must not ask for all memory
)

func newCodec() (*codec, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2), zstd.WithEncoderCRC(true),
		zstd.WithWindowSize(64<<10), zstd.WithLowerEncoderMem(true), zstd.WithEncoderDictRaw(dictionaryNumber, dictionary))
	if err != nil {
		return nil, err
	}
	u, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(longBody), zstd.WithDecoderDictRaw(dictionaryNumber, dictionary))
	if err != nil {
		return nil, errors.Join(err, z.Close())
	}
	return &codec{z: z, u: u}, nil
}

func (c *codec) pack(body []byte) []byte {
	if len(body) < shortBody {
		return body
	}
	if packed := c.z.EncodeAll(body, make([]byte, 0, len(body)/2)); len(packed) < len(body) {
		return packed
	}
	return body
}

func (c *codec) unpack(stored []byte) ([]byte, error) {
	if len(stored) < 4 || string(stored[:4]) != "\x28\xb5\x2f\xfd" {
		return stored, nil
	}
	return c.u.DecodeAll(stored, make([]byte, 0, 4*len(stored)))
}

// close gives the memory back.
func (c *codec) close() error {
	c.u.Close()
	return c.z.Close()
}
