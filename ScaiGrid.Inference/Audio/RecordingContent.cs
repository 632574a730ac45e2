using System.Net;
using System.Net.Http.Headers;

namespace ScaiGrid.Inference.Audio;

/// <summary>Sends a recording to an upstream, from its start each time. It never closes the recording.</summary>
internal sealed class RecordingContent : HttpContent
{
    private readonly Stream _file;

    private RecordingContent(Stream file) => _file = file;

    public static RecordingContent Of(TranscriptionRequest request)
    {
        var content = new RecordingContent(request.File);
        content.Headers.ContentType = MediaTypeHeaderValue.TryParse(request.ContentType, out var type) ? type : null;
        return content;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        _file.Position = 0;
        return _file.CopyToAsync(stream);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _file.Length;
        return true;
    }
}
