using System.Text;

namespace ScaiGrid.Inference.Audio;

/// <summary>Prepends a WAV header to samples: mono, 16 bits per sample.</summary>
internal static class WaveFile
{
    public static byte[] Of(ReadOnlySpan<byte> samples, int rate)
    {
        using var wave = new MemoryStream(44 + samples.Length);
        using var writer = new BinaryWriter(wave, Encoding.ASCII);
        writer.Write("RIFF"u8);
        writer.Write(36 + samples.Length);
        writer.Write("WAVEfmt "u8);
        writer.Write(16);
        writer.Write((short)1);
        writer.Write((short)1);
        writer.Write(rate);
        writer.Write(rate * sizeof(short));
        writer.Write((short)sizeof(short));
        writer.Write((short)16);
        writer.Write("data"u8);
        writer.Write(samples.Length);
        writer.Write(samples);
        writer.Flush();
        return wave.ToArray();
    }
}
