// @@{about}
// Gradle: implementation("com.google.ai.edge.litert:litert:1.4.2"). Put @@{file} into src/main/assets.
// Written by edgestill.

import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import org.tensorflow.lite.Interpreter

/** One model, open until `close`; one thread at a time may call it. */
class @@{type}(context: android.content.Context, threads: Int = 2) : AutoCloseable {
    private val interpreter = Interpreter(mapped(context), Interpreter.Options().setNumThreads(threads))

    /** Raw values in the order of the input's shape, as the model takes them. */
    fun fed(raw: @@{number}Array): @@{number}Array {
        require(raw.size == INPUTS) { "${raw.size} values given, the model takes $INPUTS" }
        return @@{number}Array(INPUTS) { i -> @@{fed} }
    }

    /** What the model gives for what it is fed. */
    fun run(fed: @@{number}Array): FloatArray {
        val input = ByteBuffer.allocateDirect(4 * INPUTS).order(ByteOrder.nativeOrder())
        for (value in fed) input.put@@{number}(value)
        input.rewind()
        val output = ByteBuffer.allocateDirect(4 * OUTPUTS).order(ByteOrder.nativeOrder())
        interpreter.run(input, output)
        output.rewind()
        return FloatArray(OUTPUTS) { output.getFloat() }
    }

    override fun close() = interpreter.close()

    private fun mapped(context: android.content.Context): ByteBuffer =
        context.assets.openFd(FILE).use { asset ->
            FileInputStream(asset.fileDescriptor).use { stream ->
                stream.channel.map(FileChannel.MapMode.READ_ONLY, asset.startOffset, asset.declaredLength)
            }
        }

    companion object {
        const val FILE = @@{file_text}
        const val INPUTS = @@{inputs} // @@{shape}
        const val OUTPUTS = @@{outputs}
        const val DIVISOR = @@{divisor}
        val MEAN = floatArrayOf(
            @@{mean}
        )
        val STD = floatArrayOf(
            @@{std}
        )
        val LABELS = listOf<String>(
            @@{labels}
        )
    }
}

