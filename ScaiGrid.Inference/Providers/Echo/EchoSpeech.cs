using System.Buffers.Binary;
using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.Echo;

/// <summary>A short tone for each word, as WAV whatever format was requested: audio to try the API with.</summary>
internal sealed class EchoSpeech : ISpeechUpstream
{
    private const int Rate = 8000;
    private const int SamplesPerWord = Rate / 5;
    private const int MaxWords = 50;

    public Task<SpeechReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        var words = (request.Text("input") ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Take(MaxWords).ToArray();
        return Task.FromResult(new SpeechReply(new MemoryStream(Wave(words)), "audio/wav", Error: null, Owner: null));
    }

    private static byte[] Wave(string[] words)
    {
        var samples = new byte[words.Length * SamplesPerWord * sizeof(short)];
        for (var word = 0; word < words.Length; word++)
        {
            var pitch = 220 + (20 * (words[word].Length % 24));
            for (var i = 0; i < SamplesPerWord * 3 / 4; i++)
            {
                var value = (short)(8000 * Math.Sin(2 * Math.PI * pitch * i / Rate));
                BinaryPrimitives.WriteInt16LittleEndian(samples.AsSpan(((word * SamplesPerWord) + i) * sizeof(short)), value);
            }
        }

        return WaveFile.Of(samples, Rate);
    }
}
