using Microsoft.AspNetCore.WebUtilities;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Core.Http;

/// <summary>Reads forms. A malformed or incomplete one is the caller's mistake.</summary>
public static class Forms
{
    /// <param name="read">Reads the form, and does nothing else that could throw the same exceptions.</param>
    /// <exception cref="ApiException">The form is malformed or incomplete.</exception>
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
            // The type that the framework's reader throws; broken connections throw derived types.
            throw new ApiException(CoreErrors.BadRequest, "The form ends in the middle.");
        }
    }

    /// <summary>Reads the next part of a form; null at its end.</summary>
    /// <exception cref="ApiException">The form is malformed or incomplete.</exception>
    public static Task<MultipartSection?> NextAsync(MultipartReader reader, CancellationToken cancellationToken) =>
        ReadAsync(() => reader.ReadNextSectionAsync(cancellationToken));

    /// <summary>A part's bytes, with the form's errors already translated, for code that has failures of its own.</summary>
    public static Stream BodyOf(MultipartSection section) => new PartBody(section.Body);

    private sealed class PartBody(Stream body) : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await Forms.ReadAsync(() => body.ReadAsync(buffer, cancellationToken).AsTask());
    }
}
