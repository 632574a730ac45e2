using Microsoft.AspNetCore.WebUtilities;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Core.Http;

/// <summary>Reads callers' forms: one that is malformed, or ends in the middle, is its sender's mistake.</summary>
public static class Forms
{
    /// <param name="read">Reads the form, and nothing else that may fail as it does.</param>
    /// <exception cref="ApiException">The form is malformed, or ends in the middle.</exception>
    public static async Task<T> ReadAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (InvalidDataException)
        {
            throw new ApiException(CoreErrors.BadRequest, "The form could not be read.");
        }
        catch (IOException exception) when (exception.GetType() == typeof(IOException))
        {
            // What the framework's reader throws; connections that break have types of their own.
            throw new ApiException(CoreErrors.BadRequest, "The form ends in the middle.");
        }
    }

    /// <summary>The next part of a form; null at its end.</summary>
    /// <exception cref="ApiException">The form is malformed, or ends in the middle.</exception>
    public static Task<MultipartSection?> NextAsync(MultipartReader reader, CancellationToken cancellationToken) =>
        ReadAsync(() => reader.ReadNextSectionAsync(cancellationToken));

    /// <summary>A part's bytes, for somebody who may have failures of their own.</summary>
    public static Stream BodyOf(MultipartSection section) => new PartBody(section.Body);

    private sealed class PartBody(Stream body) : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await Forms.ReadAsync(() => body.ReadAsync(buffer, cancellationToken).AsTask());
    }
}
