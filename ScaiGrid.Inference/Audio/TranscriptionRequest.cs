using System.Globalization;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Audio;

/// <summary>
/// A form with a recording. The recording is buffered, because the model's name may follow it and another backend may need it again: up to
/// one mebibyte in memory, beyond that in a temporary file that is deleted with the request.
/// </summary>
public sealed partial class TranscriptionRequest : IAsyncDisposable
{
    public const int MaxFileBytes = 25 * 1024 * 1024;
    public const int MaxRequestBytes = 30 * 1024 * 1024;
    private const int MemoryBytes = 1024 * 1024;
    private const int MaxFieldBytes = 64 * 1024;
    private const int MaxFields = 64;

    // Voices of speakers whom the upstream shall recognize, as data URLs.
    private const string References = "known_speaker_references[]";
    private const int MaxReferenceBytes = 1024 * 1024;
    private const int MaxReferences = 4;

    private static readonly string[] Formats = ["json", "text", "srt", "verbose_json", "vtt", "diarized_json"];

    internal static readonly Problem TooLarge = new(CoreErrors.PayloadTooLarge, "The form is larger than 30 MB, of which the recording may have 25.");

    private static readonly Problem RecordingTooLarge = new(CoreErrors.PayloadTooLarge, "The recording is larger than 25 MB.");

    private readonly List<KeyValuePair<string, string>> _fields = [];
    private Stream? _file;

    /// <summary>The non-empty fields except the recording, in the caller's order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Fields => _fields;

    /// <summary>The recording. Readers set its <see cref="Stream.Position"/> themselves.</summary>
    public Stream File => _file!;

    public string FileName { get; private set; } = "audio";

    public string ContentType { get; private set; } = "application/octet-stream";

    public string Model => this["model"] ?? "";

    /// <summary>A field's text; null if it is absent or empty.</summary>
    public string? this[string name]
    {
        get
        {
            foreach (var (key, value) in _fields)
            {
                if (key == name)
                {
                    return value;
                }
            }

            return null;
        }
    }

    /// <summary>The response format: the one that was named, else <c>json</c>.</summary>
    public string FormatFor(ModelRoute route) => NamedFormat(route) ?? "json";

    /// <summary>
    /// The caller's response format, else the model's default; null if neither names one. A default that is no format of transcripts is for the
    /// speech of the same model.
    /// </summary>
    public string? NamedFormat(ModelRoute route) =>
        this["response_format"] ?? (route.DefaultParams?["response_format"]?.ToString() is { } otherwise && Formats.Contains(otherwise) ? otherwise : null);

    /// <exception cref="ApiException">The form cannot be read or is invalid.</exception>
    public static async Task<TranscriptionRequest> ReadAsync(string? contentType, Stream body, ILogger logger, CancellationToken cancellationToken)
    {
        if (!MediaTypeHeaderValue.TryParse(contentType, out var type)
            || type.MediaType != "multipart/form-data"
            || HeaderUtilities.RemoveQuotes(type.Boundary) is not { Length: > 0 and <= 200 } boundary)
        {
            throw new ApiException(CoreErrors.UnsupportedMediaType, "Send the recording as multipart/form-data.");
        }

        var request = new TranscriptionRequest();
        try
        {
            return await request.ReadAsync(new MultipartReader(boundary.ToString(), body), logger, cancellationToken);
        }
        catch
        {
            await request.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_file is not null)
        {
            await _file.DisposeAsync();
        }
    }

    /// <summary>True if a form sent to an upstream can have a field of this name.</summary>
    internal static bool CanBeNamed(string name) => !string.IsNullOrWhiteSpace(name) && !name.Any(BreaksAHeader);

    private async Task<TranscriptionRequest> ReadAsync(MultipartReader reader, ILogger logger, CancellationToken cancellationToken)
    {
        while (await Forms.NextAsync(reader, cancellationToken) is { } section)
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition) || (!disposition.IsFormDisposition() && !disposition.IsFileDisposition()))
            {
                throw new ApiException(CoreErrors.BadRequest, "A part of the body is not a form field.");
            }

            var name = HeaderUtilities.RemoveQuotes(disposition.Name).ToString();
            if (!CanBeNamed(name))
            {
                throw new ApiException(CoreErrors.BadRequest, "A field of the form has no name, or one with quotes, backslashes or control characters.");
            }

            if (name != "file")
            {
                await ReadFieldAsync(name, Forms.BodyOf(section), cancellationToken);
            }
            else if (_file is null)
            {
                var given = disposition.FileNameStar.HasValue ? disposition.FileNameStar : HeaderUtilities.UnescapeAsQuotedString(disposition.FileName);
                FileName = NameOf(given.ToString());
                ContentType = MediaTypeHeaderValue.TryParse(section.ContentType, out var type) ? type.ToString() : ContentType;
                await KeepFileAsync(Forms.BodyOf(section), logger, cancellationToken);
            }
            else
            {
                throw new ApiException(Problem.Invalid(name, JsonProblems.Twice));
            }
        }

        Check();
        return this;
    }

    // Field and file names are written into a header of the form that is sent upstream.
    private static bool BreaksAHeader(char letter) => letter is '"' or '\\' || char.IsControl(letter);

    // Upstreams detect the format by the file extension, and not all of them find it in an encoded name, as non-ASCII names would be.
    private static string NameOf(string given)
    {
        var name = string.Concat(Path.GetFileName(given).Select(letter => BreaksAHeader(letter) || !char.IsAscii(letter) ? '_' : letter));
        return string.IsNullOrWhiteSpace(name) ? "audio" : name;
    }

    private async Task KeepFileAsync(Stream body, ILogger logger, CancellationToken cancellationToken)
    {
        _file = new MemoryStream();
        var buffer = new byte[32 * 1024];
        int read;
        while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (_file.Length + read > MaxFileBytes)
            {
                throw new ApiException(RecordingTooLarge);
            }

            try
            {
                await KeepAsync(buffer.AsMemory(0, read), cancellationToken);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Not the caller's fault: the disk is full, or the folder does not exist.
                NotKept(logger, exception);
                throw new ApiException(CoreErrors.Unavailable, "There is no space for the recording at the moment; try again.");
            }
        }
    }

    private async Task KeepAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (_file is MemoryStream memory && memory.Length + bytes.Length > MemoryBytes)
        {
            // Unbuffered, so that a failing write fails here.
            _file = new FileStream(
                Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.Asynchronous | FileOptions.DeleteOnClose);
            await _file.WriteAsync(memory.GetBuffer().AsMemory(0, (int)memory.Length), cancellationToken);
        }

        await _file!.WriteAsync(bytes, cancellationToken);
    }

    private async Task ReadFieldAsync(string name, Stream body, CancellationToken cancellationToken)
    {
        using var text = new MemoryStream();
        var most = name == References ? MaxReferenceBytes : MaxFieldBytes;
        var buffer = new byte[4096];
        int read;
        while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            text.Write(buffer, 0, read);
            if (text.Length > most)
            {
                throw new ApiException(Problem.Invalid(name, $"must be at most {most} bytes."));
            }
        }

        // An empty field counts as absent, so that a default can apply.
        if (text.Length == 0)
        {
            return;
        }

        // Which of two values an upstream uses is unknown, so only one, the validated one, may be sent.
        if (!name.EndsWith("[]", StringComparison.Ordinal) && this[name] is not null)
        {
            throw new ApiException(Problem.Invalid(name, JsonProblems.Twice));
        }

        if (name == References && _fields.Count(field => field.Key == References) >= MaxReferences)
        {
            throw new ApiException(Problem.Invalid(name, $"can be given at most {MaxReferences} times."));
        }

        if (_fields.Count >= MaxFields)
        {
            throw new ApiException(Problem.Invalid(name, $"is one field too many: at most {MaxFields} are allowed."));
        }

        _fields.Add(KeyValuePair.Create(name, System.Text.Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length)));
    }

    private void Check()
    {
        var checks = new Checks();
        checks.Required("model", this["model"], 200);
        checks.OneOf("response_format", this["response_format"], "json", Formats);
        if (_file is not { Length: > 0 })
        {
            checks.Add("file", "is required, and must not be empty.");
        }

        if (this["temperature"] is { } text && !(double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var temperature) && temperature is >= 0 and <= 1))
        {
            checks.Add("temperature", "must be a number between 0 and 1.");
        }

        if (this["stream"] is { } stream && stream != "false")
        {
            checks.Add("stream", "is not supported for transcriptions.");
        }

        foreach (var (name, value) in _fields.Where(field => field.Key is "timestamp_granularities[]" or "timestamp_granularities"))
        {
            checks.OneOf(name, value, "segment", "segment", "word");
        }

        checks.ThrowIfAny();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A recording could not be stored in the temporary folder.")]
    private static partial void NotKept(ILogger logger, Exception exception);
}
